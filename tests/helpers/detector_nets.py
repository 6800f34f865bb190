"""A tiny float detector as a .tflite, as MediaPipe writes them: float16 weights, RELUs apart, outputs joined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.options import (
    AddOptions,
    ConcatenationOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    Options,
    Pool2DOptions,
    ReshapeOptions,
)
from edgeblur.export.tflite.writer import write_tflite

VALUES = 6
"""Numbers of a box: the four, and a landmark that nobody reads."""


class _Builder:
    def __init__(self, seed: int) -> None:
        self.random, self.tensors, self.ops = np.random.default_rng(seed), list[Tensor](), list[Op]()

    def tensor(self, shape: tuple[int, ...], numbers: NDArray[Any] | None = None, dtype: str = "float32") -> int:
        data = None if numbers is None else np.ascontiguousarray(numbers, np.dtype(dtype).newbyteorder("<")).tobytes()
        index = len(self.tensors)
        self.tensors.append(Tensor(index, f"tensor_{index}", shape, shape, dtype, (), (), 0, data))
        return index

    def op(self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], options: Options | None = None) -> int:
        output = self.tensor(shape)
        self.ops.append(Op(len(self.ops), kind, 1, inputs, (output,), options))
        return output

    def weights(self, shape: tuple[int, ...], size: float, mean: float = 0.0) -> int:
        packed = self.tensor(shape, self.random.normal(mean, size, shape), "float16")
        return self.op("DEQUANTIZE", (packed,), shape)

    def conv(self, source: int, channels: int, kernel: int = 1, stride: int = 1, bias: float = 0.0) -> int:
        _, height, width, deep = self.tensors[source].shape
        inputs = (source, self.weights((channels, kernel, kernel, deep), (kernel * kernel * deep) ** -0.5),
                  self.weights((channels,), 0.1, bias))  # fmt: skip
        shape = (1, -(-height // stride), -(-width // stride), channels)
        return self.op("CONV_2D", inputs, shape, Conv2DOptions("SAME", stride, stride, 1, 1, "NONE"))

    def depthwise(self, source: int, stride: int = 1) -> int:
        _, height, width, deep = self.tensors[source].shape
        spread = 4.0 ** self.random.uniform(-1, 1, deep)  # channels of very different size
        packed = self.tensor((1, 3, 3, deep), self.random.normal(0, 0.5, (1, 3, 3, deep)) * spread, "float16")
        inputs = source, self.op("DEQUANTIZE", (packed,), (1, 3, 3, deep)), self.weights((deep,), 0.1)
        shape = (1, -(-height // stride), -(-width // stride), deep)
        options = DepthwiseConv2DOptions("SAME", stride, stride, 1, 1, 1, "NONE")
        return self.op("DEPTHWISE_CONV_2D", inputs, shape, options)

    def block(self, source: int, channels: int, stride: int) -> int:
        """A BlazeBlock: depthwise and pointwise convolution, beside them a pool and empty channels."""
        _, height, width, deep = self.tensors[source].shape
        made, skip = self.conv(self.depthwise(source, stride), channels), source
        if stride > 1:
            shape = (1, height // stride, width // stride, deep)
            skip = self.op("MAX_POOL_2D", (skip,), shape, Pool2DOptions("SAME", stride, stride, stride, stride, "NONE"))
        shape = self.tensors[made].shape
        if channels > deep:
            pads = self.tensor((4, 2), np.array([[0, 0]] * 3 + [[0, channels - deep]]), "int32")
            skip = self.op("PAD", (skip, pads), shape)
        return self.relu(self.op("ADD", (skip, made), shape, AddOptions("NONE")))

    def relu(self, source: int) -> int:
        return self.op("RELU", (source,), self.tensors[source].shape)

    def joined(self, parts: list[int], values: int) -> int:
        """Outputs of several grids, one anchor behind the other."""
        rows = []
        for part in parts:
            count = self.tensors[part].elements // values
            rows.append(self.op("RESHAPE", (part,), (1, count, values), ReshapeOptions((1, -1, values))))
        total = sum(self.tensors[row].shape[1] for row in rows)
        return self.op("CONCATENATION", tuple(rows), (1, total, values), ConcatenationOptions(1, "NONE"))


def tiny_detector(seed: int = 0, side: int = 32, score: float = 0.0) -> bytes:
    """Two grids, of two anchors every 4 pixels and of three every 8; about half of its scores are above `score`."""
    net = _Builder(seed)
    picture = net.tensor((1, side, side, 3))
    fine = net.block(net.block(net.relu(net.conv(picture, 8, 5, 2)), 8, 1), 12, 2)
    coarse = net.block(fine, 16, 2)
    scores = [net.conv(fine, 2, bias=score), net.conv(coarse, 3, bias=score)]
    boxes = [net.conv(fine, 2 * VALUES, bias=6.0), net.conv(coarse, 3 * VALUES, bias=12.0)]
    outputs = net.joined(boxes, VALUES), net.joined(scores, 1)
    return write_tflite(Graph("tiny", "", 0, tuple(net.tensors), tuple(net.ops), (picture,), outputs))
