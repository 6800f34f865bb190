"""Ops that no output depends on vanish, and those that only compute sizes: every size is known."""

from __future__ import annotations

import dataclasses

from edgeblur.export.tflite.graph import ABSENT, Graph


def drop_dead(graph: Graph) -> Graph:
    """The same graph without ops whose results nobody reads."""
    wanted, kept = set(graph.outputs), []
    for op in reversed(graph.ops):
        if wanted.intersection(op.outputs):
            wanted.update(op.inputs)
            kept.append(op)
    return graph if len(kept) == len(graph.ops) else dataclasses.replace(graph, ops=tuple(reversed(kept)))


_TOLD_BY_SHAPES = ("BROADCAST_TO", "RESHAPE")
"""Ops whose second input says no more than their output's shape does."""


def drop_sizes(graph: Graph) -> Graph:
    """The same graph without SHAPE and what computes integers from it; who needs such a number is told by shapes."""
    constant = {tensor.index for tensor in graph.tensors if tensor.data is not None} | {ABSENT}
    known = set(constant)
    kept = []
    for op in graph.ops:
        integers = all(graph.tensors[i].dtype in ("int32", "int64") for i in op.outputs)
        if integers and (op.kind == "SHAPE" or all(i in known for i in op.inputs)):
            known.update(op.outputs)
        elif op.kind in _TOLD_BY_SHAPES and op.inputs[1:2] and op.inputs[1] in known - constant:
            kept.append(dataclasses.replace(op, inputs=op.inputs[:1]))
        else:
            kept.append(op)
    return graph if len(kept) == len(graph.ops) else dataclasses.replace(graph, ops=tuple(kept))
