"""DEPTHWISE_CONV_2D of 16-bit planes, with all that it has in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import padding_before
from edgeblur.export.stream.net.layer import Layer, Work, windowed
from edgeblur.export.stream.net.net import Array, Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.depthwise_conv_2d import read_depthwise
from edgeblur.export.stream.ops.geometry import row_window, windowed_columns
from edgeblur.export.stream.ops.int16.weights import Sums, read_sums
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import DepthwiseConv2DOptions


@dataclass(frozen=True, eq=False)
class DepthwiseConv2DInt16(Operation):
    """A convolution in which each output channel reads one input channel.

    Attributes:
        weights: `[1, kernel height, kernel width, out]` int8, as of 8 bits.
        sums: biases and scales.
        options: as in the .tflite.
    """

    kernel = "depthwise_conv_2d_int16"
    label = "DEPTHWISE_CONV_2D"
    weights: NDArray[np.int8]
    sums: Sums
    options: DepthwiseConv2DOptions

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [row_window(inputs[0], output, self.weights.shape[1], self.options)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o, (_, kernel_h, kernel_w, out_channels) = self.options, self.weights.shape
        return {
            "weights": Array("weights", self.weights),
            **self.sums.fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
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
        lines = layer.rows_inside() * output.width * output.channels
        each = {
            **windowed(layer),
            "padded_lines": lines * (layer.number("pad_left") > 0),
            "divisions": layer.elements * (layer.number("depth_multiplier") > 1),
        }
        return each if self.sums.narrow else {f"wide_{unit}": amount for unit, amount in each.items()}


def lower(builder: Builder, op: Op) -> None:
    """Add a DEPTHWISE_CONV_2D."""
    source = builder.source(op, 0)
    options, weights, taken, given = read_depthwise(builder, op)
    rows = weights.reshape(-1, given.channels).T
    sums = read_sums(builder, op, (taken, given), rows, options.activation, bias_at=2, axis=3)
    builder.add(op, DepthwiseConv2DInt16(weights, sums, options), (source,))
