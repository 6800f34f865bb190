"""DEPTHWISE_CONV_2D: any kernel size, depth multiplier, stride, dilation, padding and fused activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder, told_shape
from edgeblur.export.stream.net.fixed_point import padding_before
from edgeblur.export.stream.net.layer import Layer, Work, windowed
from edgeblur.export.stream.net.net import Array, Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.geometry import output_size, windowed_columns
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, read_weights, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import DepthwiseConv2DOptions


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Operation):
    """A convolution in which each output channel reads one input channel.

    Attributes:
        weights: `[1, kernel height, kernel width, out]` int8; input channel c makes the output channels
            c * multiplier + (0 .. multiplier - 1).
        bias: `[out]` int32.
        requantization: from sums to output steps.
        options: as in the .tflite.
    """

    kernel = "depthwise_conv_2d"
    label = "DEPTHWISE_CONV_2D"
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    requantization: Requantization
    options: DepthwiseConv2DOptions

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        o, kernel_h = self.options, self.weights.shape[1]
        pad = padding_before(o.padding, inputs[0].height, output.height, kernel_h, o.stride_h, o.dilation_h)
        return [Window(tuple(y * o.stride_h - pad for y in range(output.height)), o.dilation_h, kernel_h)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o, (_, kernel_h, kernel_w, out_channels) = self.options, self.weights.shape
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "in_zero_point": inputs[0].zero_point,
            "out_width": output.width,
            "depth_multiplier": out_channels // inputs[0].channels,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "stride": o.stride_w,
            "dilation": o.dilation_w,
            "pad_left": padding_before(
                o.padding, inputs[0].width, output.width, kernel_w, o.stride_w, o.dilation_w
            ),
        }  # fmt: skip

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        return windowed_columns(self.fields(inputs, output), inputs, first, end, self.options.stride_w)

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        return output.width * self.weights.size

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        several = layer.number("depth_multiplier") > 1
        return {**windowed(layer), "divisions": layer.elements if several else 0}


def lower(builder: Builder, op: Op) -> None:
    """Add a DEPTHWISE_CONV_2D."""
    options, weights = builder.options(op, DepthwiseConv2DOptions), read_weights(builder, op)
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    single, *kernel, channels = weights.shape
    if single != 1 or channels % taken.channels:  # as LiteRT does, go by the weights: options.depth_multiplier may be 0
        told = f"its weights are {told_shape(weights.shape)}, its input has {taken.channels} channels"
        raise builder.refuse(op, told, "convert the model anew")
    size = output_size(builder, op, (taken.height, taken.width), (kernel[0], kernel[1]), options)
    builder.expect_output(op, *size, channels)
    bias = read_bias(builder, op, 2, channels)
    scales = requantization(builder, op, taken, given, options.activation, axis=3)
    check_sum(builder, op, bias.astype(np.int64), weights.reshape(-1, channels).T, scales)
    builder.add(op, DepthwiseConv2D(weights, bias, scales, options), (source,))
