"""Ops that reduce an axis keep it, as an axis of 1; a RESHAPE takes it away behind them.

Their options stay as they are: LiteRT computes a mean with `keep_dims` otherwise than one without.
"""

from __future__ import annotations

import dataclasses

from edgeblur.export.stream.passes.draft import Draft
from edgeblur.export.tflite.graph import Graph, Op

REDUCERS = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM")


def reduced_axes(graph: Graph, op: Op) -> tuple[int, ...] | None:
    """The axes that an op reduces, counted from the front; None if it is no such op, or computes them."""
    if op.kind not in (*REDUCERS, "ARG_MAX", "ARG_MIN") or (axes := graph.tensors[op.inputs[1]].integers()) is None:
        return None
    rank = len(graph.tensors[op.inputs[0]].shape)
    return tuple(sorted({axis % rank for axis in axes.ravel().tolist()})) if rank else None


def keep_axes(graph: Graph) -> Graph:
    """Write such ops so that their outputs have as many axes as their inputs."""
    draft, changed = Draft(graph), False
    for op in graph.ops:
        axes = reduced_axes(graph, op)
        taken, given = graph.tensors[op.inputs[0]] if op.inputs else None, graph.tensors[op.outputs[0]]
        if axes is None or taken is None:
            draft.keep(op)
            continue
        shape = tuple(1 if axis in axes else n for axis, n in enumerate(taken.shape))
        if shape == given.shape:
            draft.keep(op)
            continue
        changed = True
        kept = draft.like(given, shape)
        draft.keep(dataclasses.replace(op, outputs=(kept,)))
        draft.op(op, "RESHAPE", (kept,), (given.index,))
    return draft.graph() if changed else graph
