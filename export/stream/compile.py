"""Compile a .tflite to streaming C: the whole way in one call."""

from __future__ import annotations

from dataclasses import dataclass

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.costs.choose import AIMS, all_direct, choose_kernels, cost_on, written
from edgeblur.export.stream.emit import StreamFiles, emit
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.budget import Planned, Recomputation, plan_within
from edgeblur.export.stream.planning.plan import Plan
from edgeblur.export.stream.planning.schedule import Schedule
from edgeblur.export.tflite.graph import Graph, image_model


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model compiled for the streaming engine: each stage's result, the C, and what is made twice to fit a budget."""

    net: Net
    schedule: Schedule
    plan: Plan
    files: StreamFiles
    recomputation: Recomputation | None = None


def compile_stream(
    graph: Graph,
    provenance: Provenance,
    *,
    optimize: str = "size",
    ram_bytes: int | None = None,
    flash_bytes: int | None = None,
    core: str | None = None,
    checked: bool = False,
) -> Compiled:
    """Compile a graph to C99 that takes picture rows in and gives finished rows out.

    Args:
        graph: an int8 model of one picture in and one out.
        provenance: the name of everything public, and what the files say about their origin.
        optimize: `size`, `balanced` or `speed`.
        ram_bytes: what everything writable but the stack may take; None for whatever it takes without recomputing.
        flash_bytes: what code, weights and tables may take, as `choose_kernels` takes it.
        core: a key of boards.toml, for which kernels are chosen; None for direct kernels, which suit any. The C runs
            everywhere all the same.
        checked: with functions that compute the CRC-32 of the constants.

    Raises:
        UserError: the model cannot be streamed (the sentence says why and what to change), or does not fit.
    """
    if optimize not in AIMS:
        raise UserError(f"unknown aim {optimize!r}: choose among {', '.join(AIMS)}")
    planned = _within(lower(graph), ram_bytes, optimize, flash_bytes, core)
    net, steps, places = planned.net, planned.schedule, planned.plan
    files = emit(net, steps, places, image_model(graph), provenance, optimize=written(optimize), checked=checked)
    return Compiled(net, steps, places, files, planned.recomputation)


def _within(net: Net, ram_bytes: int | None, optimize: str, flash_bytes: int | None, core: str | None) -> Planned:
    """Choose kernels and plan; if that takes too much RAM, plan with direct kernels, whose nodes then say so."""
    chosen = choose_kernels(net, optimize=optimize, cost=cost_on(core), flash_bytes=flash_bytes)
    try:
        return plan_within(chosen, ram_bytes)
    except UserError:
        if ram_bytes is None or all(node.step_rows == 1 for node in chosen.nodes):
            raise
        return plan_within(all_direct(net, chosen, ram_bytes), ram_bytes)
