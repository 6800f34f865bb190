"""CONV_2D: any kernel size, stride, dilation, padding and fused activation; reads a concatenation's parts in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.conv_2d_work import conv_2d_helium_work, conv_2d_work
from edgeblur.export.stream.ops.convolution import Convolution
from edgeblur.export.stream.ops.geometry import output_size
from edgeblur.export.stream.ops.grouped_conv_2d import lower_grouped
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, read_weights, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Conv2DOptions


@dataclass(frozen=True, eq=False)
class StripConvolution(Convolution):
    """A convolution whose kernel gathers the columns under a strip of pixels before it multiplies."""

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        strip = strip_pixels(self.weights, self.options.stride_w, self.options.dilation_w)
        return strip_bytes(self.weights, self.options.stride_w, self.options.dilation_w, strip)


@dataclass(frozen=True, eq=False)
class Conv2D(StripConvolution):
    """A convolution over rows of one or more planes whose channels lie side by side.

    Attributes:
        weights: `[out, kernel height, kernel width, in]`.
        bias: `[out]` int32, the input's zero point folded in: what a window of zero points would add is taken off.
        requantization: from sums to output steps.
    """

    kernel = "conv_2d"
    label = "CONV_2D"
    how = "direct"
    bias: NDArray[np.int32]
    requantization: Requantization

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o, parts = self.options, np.array([plane.channels for plane in inputs], np.int16)
        return {
            "weights": Array("weights", arrange(self.weights)),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "part_channels": Array("parts", parts),
            "parts": len(parts),
            "in_width": inputs[0].width,
            "in_channels": self.weights.shape[3],
            "in_zero_point": inputs[0].zero_point,
            "out_width": output.width,
            "out_channels": output.channels,
            **self.window_fields(inputs, output),
            "column_bytes": column_numbers(self.weights),
            "phases": 1,
            "tame": int(is_tame(self.weights, self.bias, self.requantization)),
            "whole_words": int(all(plane.channels % 4 == 0 for plane in inputs)),
            "strip": strip_pixels(self.weights, o.stride_w, o.dilation_w),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        return conv_2d_helium_work(layer) if helium else conv_2d_work(layer)


def is_tame(
    weights: NDArray[np.int8], bias: NDArray[np.int32], requantization: Requantization, limit: int = 2**30
) -> bool:
    """Whether the fast kernels' rounding in fewer instructions is exact for every sum, and none reaches a limit."""
    products = np.abs(weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1) * 128
    worst = np.abs(bias.astype(np.int64)) + products
    return bool(worst.max() < limit and requantization.shift.min() >= -20 and requantization.shift.max() < 0)


_STRIP_BYTES = 1024
"""Scratch that saves gathering columns twice; more would save little."""


def strip_bytes(weights: NDArray[np.int8], stride: int, dilation: int, pixels: int) -> int:
    """Scratch of the kernels: the columns under so many pixels in 16 bits, and one column in 8."""
    kernel_w = weights.shape[2]
    apart = stride if dilation == 1 and stride <= kernel_w else kernel_w
    return (2 * ((pixels - 1) * apart + kernel_w) + 1) * column_numbers(weights)


def strip_pixels(weights: NDArray[np.int8], stride: int, dilation: int) -> int:
    """Pixels whose windows are gathered together: an even number, 2 to 16."""
    fitting = [n for n in range(4, 17, 2) if strip_bytes(weights, stride, dilation, n) <= _STRIP_BYTES]
    return max(fitting, default=2)


def column_numbers(weights: NDArray[np.int8]) -> int:
    """Numbers of a window's column, all kernel rows of it, filled up to fours: whole words of bytes."""
    _, kernel_h, _, in_channels = weights.shape
    return -(-kernel_h * in_channels // 4) * 4


def arrange(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights as kernels/conv_2d.h wants them: `[out / 2, words, 2, 4]`, a window's words column by column."""
    out, kernel_h, kernel_w, in_channels = weights.shape
    columns = weights.transpose(0, 2, 1, 3).reshape(out, kernel_w, kernel_h * in_channels)
    padded = np.pad(columns, ((0, out % 2), (0, 0), (0, column_numbers(weights) - kernel_h * in_channels)))
    return padded.reshape(-1, 2, padded[0].size // 4, 4).transpose(0, 2, 1, 3)


def lower(builder: Builder, op: Op) -> None:
    """Add a CONV_2D."""
    options, weights = builder.options(op, Conv2DOptions), read_weights(builder, op)
    parts = builder.parts(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    if weights.shape[3] != taken.channels:
        lower_grouped(builder, op, options, weights)
        return
    _, kernel_h, kernel_w, _ = weights.shape
    size = output_size(builder, op, (taken.height, taken.width), (kernel_h, kernel_w), options)
    builder.expect_output(op, *size, len(weights))
    bias = read_bias(builder, op, 2, len(weights))
    folded = bias.astype(np.int64) - taken.zero_point * weights.reshape(len(weights), -1).sum(axis=1, dtype=np.int64)
    scales = requantization(builder, op, taken, given, options.activation)
    check_sum(builder, op, folded, weights.reshape(len(weights), -1), scales)
    builder.add(op, Conv2D(weights, options, folded.astype(np.int32), scales), parts)
