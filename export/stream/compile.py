"""Compile a .tflite to streaming C: the whole way in one call."""

from __future__ import annotations

from dataclasses import dataclass

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.budget import Recomputation, plan_within
from edgeblur.export.stream.emit import OPTIMIZE, StreamFiles, emit
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net import Net
from edgeblur.export.stream.plan import Plan
from edgeblur.export.stream.schedule import Schedule
from edgeblur.export.tflite import Graph, image_model


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model compiled for the streaming engine: each stage's result, the C, and what is made twice to fit a budget."""

    net: Net
    schedule: Schedule
    plan: Plan
    files: StreamFiles
    recomputation: Recomputation | None = None


def compile_stream(
    graph: Graph, provenance: Provenance, *, optimize: str = "size", ram_bytes: int | None = None
) -> Compiled:
    """Compile a graph to C99 that takes picture rows in and gives finished rows out.

    Args:
        graph: an int8 model of one picture in and one out.
        provenance: the name of everything public, and what the files say about their origin.
        optimize: `size` or `speed`.
        ram_bytes: what everything writable but the stack may take; None for whatever it takes without recomputing.

    Raises:
        UserError: the model cannot be streamed (the sentence says why and what to change), or does not fit.
    """
    if optimize not in OPTIMIZE:
        raise UserError(f"unknown aim {optimize!r}: choose among {', '.join(OPTIMIZE)}")
    import os
    from edgeblur.export.stream.choose import force, settle
    net = lower(graph)
    if os.environ.get("WINO"):
        net = force(net)
        if os.environ["WINO"] == "2":
            net = settle(net)
    planned = plan_within(net, ram_bytes)
    net, steps, places = planned.net, planned.schedule, planned.plan
    files = emit(net, steps, places, image_model(graph), provenance, optimize=optimize)
    return Compiled(net, steps, places, files, planned.recomputation)
