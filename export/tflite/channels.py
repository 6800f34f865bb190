"""Pictures whose channels come first, as PyTorch's do: turned at the ends, so that rows of pixels go in and come out.

Where a TRANSPOSE stands at an end it is taken off (inside.py). Where none does, since the first op or the last one
works on channels first, one is added here: LiteRT then computes the same from channels last, and in the streaming
engine it cancels with what the converter wrote.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from edgeblur.export.tflite.graph import Graph, Op, Tensor

TO_NHWC, TO_NCHW = (0, 2, 3, 1), (0, 3, 1, 2)

_MOST_CHANNELS = 4
"""Of a picture that goes in; more would be no sign of which axis has the channels."""

_LAST = frozenset({
    "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "FULLY_CONNECTED", "MAX_POOL_2D",
    "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "TRANSPOSE_CONV",
})  # fmt: skip
"""Ops for which channels come last."""


def channels_last(graph: Graph, *, turned: bool) -> Graph:
    """A graph of pixels in and out, where its ends have channels first and no TRANSPOSE of their own.

    Args:
        graph: without the ends that converters write.
        turned: whether a TRANSPOSE was taken off its input.
    """
    taken = graph.tensors[graph.inputs[0]] if len(graph.inputs) == 1 else None
    if taken is not None and _is_first(taken) and _meets_transpose(graph, taken.index, upwards=False):
        graph, turned = _with_turned_input(graph), True
    for place, index in enumerate(graph.outputs if turned else ()):
        tensor = graph.tensors[index]
        if len(tensor.shape) == 4 and tensor.shape[0] == 1 and _meets_transpose(graph, index, upwards=True):
            graph = _with_turned_output(graph, place)
    return graph


def _is_first(tensor: Tensor) -> bool:
    """Whether a picture's sizes say that channels come first."""
    shape = tensor.shape
    return len(shape) == 4 and shape[0] == 1 and shape[1] <= _MOST_CHANNELS < min(shape[2:])


def _meets_transpose(graph: Graph, index: int, *, upwards: bool) -> bool:
    """Whether a TRANSPOSE lies between a tensor and all ops for which channels come last, and there is one.

    Args:
        graph: with ops in the order in which they run.
        index: of the tensor.
        upwards: look at the ops that make it, not at those that read it; a picture whose channels come first will do
            as well there.
    """
    reached, found = {index}, False
    for op in reversed(graph.ops) if upwards else graph.ops:
        near, far = (op.outputs, op.inputs) if upwards else (op.inputs, op.outputs)
        if reached.isdisjoint(near):
            continue
        if op.kind in _LAST:
            return False
        if _turns(graph, op):
            found = True
        else:
            reached.update(far)
    return found


def _turns(graph: Graph, op: Op) -> bool:
    """Whether an op may turn a picture: a TRANSPOSE, or of one channel a RESHAPE that moves the axis of 1."""
    if op.kind != "RESHAPE":
        return op.kind == "TRANSPOSE"
    first, last = sorted((graph.tensors[i].shape for i in (op.inputs[0], op.outputs[0])), key=lambda s: s[1:2])
    return len(first) == len(last) == 4 and first[1] == 1 == last[3] and first[2:] == last[1:3]


def _with_turned_input(graph: Graph) -> Graph:
    old = graph.tensors[graph.inputs[0]]
    _, channels, height, width = old.shape
    new, axes = _added(graph, old, (1, height, width, channels), TO_NCHW)
    op = _transpose(graph, (new.index, axes.index), old.index)
    return dataclasses.replace(graph, tensors=(*graph.tensors, new, axes), ops=(op, *graph.ops), inputs=(new.index,))


def _with_turned_output(graph: Graph, place: int) -> Graph:
    old = graph.tensors[graph.outputs[place]]
    _, channels, height, width = old.shape
    new, axes = _added(graph, old, (1, height, width, channels), TO_NHWC)
    op = _transpose(graph, (old.index, axes.index), new.index)
    outputs = (*graph.outputs[:place], new.index, *graph.outputs[place + 1 :])
    return dataclasses.replace(graph, tensors=(*graph.tensors, new, axes), ops=(*graph.ops, op), outputs=outputs)


def _added(graph: Graph, like: Tensor, shape: tuple[int, ...], axes: Iterable[int]) -> tuple[Tensor, Tensor]:
    """A tensor of another shape, and a constant of axes, both to stand behind a graph's tensors."""
    at, numbers = len(graph.tensors), np.array(tuple(axes), np.int32)
    new = dataclasses.replace(like, index=at, shape=shape, signature=shape)
    constant = Tensor(at + 1, f"{like.name}_axes", (4,), (4,), "int32", (), (), 0, numbers.tobytes())
    return new, constant


def _transpose(graph: Graph, inputs: tuple[int, int], output: int) -> Op:
    return Op(len(graph.ops), "TRANSPOSE", 2, inputs, (output,), None)
