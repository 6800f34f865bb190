"""A float .tflite as the net that it is: weights unpacked from float16, RELUs inside the ops before them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.options import AddOptions, Conv2DOptions, DepthwiseConv2DOptions


def with_numbers(tensor: Tensor, numbers: NDArray[Any], dtype: str = "float32") -> Tensor:
    """A constant with other numbers, and their shape."""
    data = np.ascontiguousarray(numbers, np.dtype(dtype).newbyteorder("<")).tobytes()
    return replace(tensor, dtype=dtype, data=data, shape=numbers.shape, signature=numbers.shape)


def plain_graph(graph: Graph) -> Graph:
    """Weights that a DEQUANTIZE unpacks become constants of float32, and RELU an activation of the op before it."""
    return _with_activations(_unpacked(graph))


def _unpacked(graph: Graph) -> Graph:
    tensors, ops = list(graph.tensors), list[Op]()
    for op in graph.ops:
        source = graph.tensors[op.inputs[0]]
        if op.kind == "DEQUANTIZE" and source.data is not None and source.dtype == "float16":
            tensors[op.outputs[0]] = with_numbers(tensors[op.outputs[0]], source.array())
        else:
            ops.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _with_activations(graph: Graph) -> Graph:
    readers = Counter(index for op in graph.ops for index in op.inputs) + Counter(graph.outputs)
    into = {
        op.inputs[0]: op.outputs[0]
        for op in graph.ops
        if op.kind == "RELU" and readers[op.inputs[0]] == 1 and _takes_activation(graph.producers.get(op.inputs[0]))
    }
    taken_in = set(into.values())
    ops = [_with_relu(op, into) for op in graph.ops if op.outputs[0] not in taken_in]
    return replace(graph, ops=tuple(ops))


def _takes_activation(op: Op | None) -> bool:
    options = op.options if op else None
    return isinstance(options, AddOptions | Conv2DOptions | DepthwiseConv2DOptions) and options.activation == "NONE"


def _with_relu(op: Op, into: dict[int, int]) -> Op:
    options, output = op.options, into.get(op.outputs[0])
    if output is None or not isinstance(options, AddOptions | Conv2DOptions | DepthwiseConv2DOptions):
        return op
    return replace(op, outputs=(output,), options=replace(options, activation="RELU"))
