"""CONV_2D in groups: each output channel sums over the input channels of its group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, columns_inside, windowed
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.convolution import Convolution
from edgeblur.export.stream.ops.geometry import output_size
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Conv2DOptions


@dataclass(frozen=True, eq=False)
class GroupedConv2D(Convolution):
    """A convolution in groups.

    Attributes:
        weights: `[out, kernel height, kernel width, in / groups]`.
        bias: `[out]` int32.
        requantization: from sums to output steps.
    """

    kernel = "grouped_conv_2d"
    label = "CONV_2D"
    bias: NDArray[np.int32]
    requantization: Requantization

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        group_in = self.weights.shape[3]
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "in_zero_point": inputs[0].zero_point,
            "out_width": output.width,
            "out_channels": output.channels,
            "group_in": group_in,
            "group_out": output.channels * group_in // inputs[0].channels,
            **self.window_fields(inputs, output),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        counted = windowed(layer)
        return {**counted, "products": layer.rows_inside() * columns_inside(layer) * self.weights[:, 0, 0].size}


def lower_grouped(builder: Builder, op: Op, options: Conv2DOptions, weights: NDArray[np.int8]) -> None:
    """Add a CONV_2D whose weights take fewer channels than its input has."""
    source, taken, given = builder.source(op, 0), *(builder.plane(op, i) for i in (op.inputs[0], op.outputs[0]))
    out, kernel_h, kernel_w, group_in = weights.shape
    groups = taken.channels // group_in
    if taken.channels % group_in or out % groups:
        told = f"its weights make {out} channels of {group_in} each, and its input has {taken.channels}"
        raise builder.refuse(op, told, "convert the model anew, in groups of one size")
    size = output_size(builder, op, (taken.height, taken.width), (kernel_h, kernel_w), options)
    builder.expect_output(op, *size, out)
    bias = read_bias(builder, op, 2, out)
    scales = requantization(builder, op, taken, given, options.activation)
    check_sum(builder, op, bias.astype(np.int64), weights.reshape(out, -1), scales)
    builder.add(op, GroupedConv2D(weights, options, bias, scales), (source,))
