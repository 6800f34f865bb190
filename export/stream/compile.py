"""Compile a .tflite to streaming C: the whole way in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeblur.errors import DoesNotFit
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.costs.choose import all_direct, choose_kernels, cost_on
from edgeblur.export.stream.emit import StreamFiles, emit
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.options import StreamOptions, written
from edgeblur.export.stream.planning.budget import Planned, Recomputation, plan_within
from edgeblur.export.stream.planning.plan import Plan
from edgeblur.export.stream.planning.schedule import Schedule
from edgeblur.export.tflite.graph import Graph, image_model
from edgeblur.export.tflite.inside import without_ends


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model compiled for the streaming engine: each stage's result, the C, and what is made twice to fit a budget."""

    net: Net
    schedule: Schedule
    plan: Plan
    files: StreamFiles
    recomputation: Recomputation | None = None


def compile_stream(
    graph: Graph, provenance: Provenance, options: StreamOptions | None = None, *, checked: bool = False
) -> Compiled:
    """Compile a graph to C99 that takes picture rows in and gives finished rows out.

    Args:
        graph: an int8 model of one picture in and one out.
        provenance: the name of everything public, and what the files say about their origin.
        options: aim and budgets; by default little flash, and whatever RAM it takes.
        checked: with functions that compute the CRC-32 of the constants.

    Raises:
        Unsupported: the model cannot be streamed; the sentence says why and what to change.
        DoesNotFit: no plan keeps to the RAM.
    """
    options = options or StreamOptions()
    planned = _within(replace(lower(graph), cores=options.cores), options)
    net, steps, places = planned.net, planned.schedule, planned.plan
    ends, how = image_model(without_ends(graph), several=True), written(options.optimize)
    files = emit(net, steps, places, ends, provenance, optimize=how, checked=checked)
    return Compiled(net, steps, places, files, planned.recomputation)


def _within(net: Net, options: StreamOptions) -> Planned:
    """Choose kernels and plan; if that takes too much RAM, plan with direct kernels, whose nodes then say so."""
    chosen = choose_kernels(net, options, cost=cost_on(options.core))
    try:
        return plan_within(chosen, options.ram_bytes)
    except DoesNotFit:
        if options.ram_bytes is None or all(node.step_rows == 1 for node in chosen.nodes):
            raise
        return plan_within(all_direct(net, chosen, options.ram_bytes), options.ram_bytes)
