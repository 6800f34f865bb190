"""CONV_2D: any kernel size, stride, dilation, padding and fused activation; reads a concatenation's parts in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.options import Conv2DOptions
from edgeblur.export.stream.builder import Builder
from edgeblur.export.stream.fixed_point import padding_before
from edgeblur.export.stream.net import Array, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.geometry import output_size
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, read_weights, requantization
from edgeblur.export.tflite import Op


@dataclass(frozen=True, eq=False)
class Conv2D(Operation):
    """A convolution over rows of one or more planes whose channels lie side by side.

    Attributes:
        weights: `[out, kernel height, kernel width, in]` int8.
        bias: `[out]` int32, the input's zero point folded in: what a window of zero points would add is taken off.
        requantization: from sums to output steps.
        options: as in the .tflite.
    """

    kernel = "conv_2d"
    label = "CONV_2D"
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    requantization: Requantization
    options: Conv2DOptions

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        o, kernel_h = self.options, self.weights.shape[1]
        pad = padding_before(o.padding, inputs[0].height, output.height, kernel_h, o.stride_h, o.dilation_h)
        firsts = tuple(y * o.stride_h - pad for y in range(output.height))
        return [Window(firsts, o.dilation_h, kernel_h)] * len(inputs)

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o = self.options
        out_channels, kernel_h, kernel_w, in_channels = self.weights.shape
        parts = np.array([plane.channels for plane in inputs], np.int16)
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "part_channels": Array("parts", parts),
            "parts": len(parts),
            "in_width": inputs[0].width,
            "in_channels": in_channels,
            "in_zero_point": inputs[0].zero_point,
            "out_width": output.width,
            "out_channels": out_channels,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "stride": o.stride_w,
            "dilation": o.dilation_w,
            "pad_left": padding_before(
                o.padding, inputs[0].width, output.width, kernel_w, o.stride_w, o.dilation_w
            ),
        }  # fmt: skip

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        return output.width * self.weights.size

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        return int(self.weights[0].size)  # one window, gathered


def lower(builder: Builder, op: Op) -> None:
    """Add a CONV_2D."""
    options, weights = builder.options(op, Conv2DOptions), read_weights(builder, op)
    parts = builder.parts(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    if weights.shape[3] != taken.channels:
        wanted = f"{weights.shape[3]} channels a weight, {taken.channels} in the input"
        raise builder.refuse(op, f"it is a grouped convolution ({wanted})", "use DEPTHWISE_CONV_2D or one group")
    _, kernel_h, kernel_w, _ = weights.shape
    size = output_size(builder, op, (taken.height, taken.width), (kernel_h, kernel_w), options)
    builder.expect_output(op, *size, len(weights))
    bias = read_bias(builder, op, 2, len(weights))
    folded = bias.astype(np.int64) - taken.zero_point * weights.reshape(len(weights), -1).sum(axis=1, dtype=np.int64)
    scales = requantization(builder, op, taken, given, options.activation)
    check_sum(builder, op, folded, weights.reshape(len(weights), -1), scales)
    builder.add(op, Conv2D(weights, folded.astype(np.int32), scales, options), parts)
