"""FULLY_CONNECTED reads the channels of each pixel, whatever axes lie before them: its planes get four axes."""

from __future__ import annotations

import dataclasses
import math

from edgeblur.export.stream.passes.draft import Draft
from edgeblur.export.tflite.graph import Graph, Op


def dense_on_pixels(graph: Graph) -> Graph:
    """Put RESHAPEs around such ops, to rows of one pixel and back, where their tensors are no planes."""
    found = {op.index: shapes for op in graph.ops if (shapes := _shapes(graph, op)) is not None}
    if not found:
        return graph
    draft = Draft(graph)
    for op in graph.ops:
        if op.index in found:
            _write(draft, graph, op, *found[op.index])
        else:
            draft.keep(op)
    return draft.graph()


def _shapes(graph: Graph, op: Op) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """What an op's input and output should be; None if they are that already, or if it is another op."""
    if op.kind != "FULLY_CONNECTED":
        return None
    taken, weights, given = (graph.tensors[i] for i in (op.inputs[0], op.inputs[1], op.outputs[0]))
    if len(weights.shape) != 2 or not taken.shape or taken.elements % max(weights.shape[1], 1):
        return None
    if len(taken.shape) == 4 and taken.shape[0] == 1 and taken.shape[3] == weights.shape[1]:
        plane = taken.shape
    else:
        plane = (1, taken.elements // max(weights.shape[1], 1), 1, weights.shape[1])
    wanted = plane, (*plane[:3], weights.shape[0])
    return None if wanted == (taken.shape, given.shape) or math.prod(wanted[1]) != given.elements else wanted


def _write(draft: Draft, graph: Graph, op: Op, taken: tuple[int, ...], given: tuple[int, ...]) -> None:
    source, target = op.inputs[0], op.outputs[0]
    if taken != graph.tensors[source].shape:
        plane = draft.like(graph.tensors[source], taken)
        draft.op(op, "RESHAPE", (source,), (plane,))
        source = plane
    if given != graph.tensors[target].shape:
        target = draft.like(graph.tensors[target], given)
    draft.keep(dataclasses.replace(op, inputs=(source, *op.inputs[1:]), outputs=(target,)))
    if target != op.outputs[0]:
        draft.op(op, "RESHAPE", (target,), (op.outputs[0],))
