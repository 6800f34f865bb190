"""CONV_2D of 16-bit planes: as in 8 bits, but for groups; and FULLY_CONNECTED on pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.conv_2d import StripConvolution, arrange, column_numbers, strip_pixels
from edgeblur.export.stream.ops.conv_2d_work import conv_2d_int16_work
from edgeblur.export.stream.ops.geometry import output_size
from edgeblur.export.stream.ops.int16.weights import Sums, read_sums
from edgeblur.export.stream.ops.weights import read_weights
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Conv2DOptions


@dataclass(frozen=True, eq=False)
class Conv2DInt16(StripConvolution):
    """A convolution over rows of one or more planes whose channels lie side by side.

    Attributes:
        weights: `[out, kernel height, kernel width, in]`.
        sums: biases and scales.
    """

    kernel = "conv_2d_int16"
    label = "CONV_2D"
    sums: Sums

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o = self.options
        return {
            "weights": Array("weights", paired(self.weights)),
            **self.sums.fields(),
            **part_fields(inputs),
            "in_width": inputs[0].width,
            "out_width": output.width,
            "out_channels": output.channels,
            **self.window_fields(inputs, output),
            "column": column_numbers(self.weights),
            "phases": 1,
            "strip": strip_pixels(self.weights, o.stride_w, o.dilation_w),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return conv_2d_int16_work(Layer(self, tuple(inputs), output), narrow=self.sums.narrow)


def part_fields(inputs: Sequence[Plane]) -> Mapping[str, Field]:
    """The planes side by side."""
    parts = np.array([plane.channels for plane in inputs], np.int16)
    whole = int(all(plane.channels % 2 == 0 for plane in inputs))
    return {"part_channels": Array("parts", parts), "parts": len(parts), "whole_words": whole}


def paired(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights as kernels/conv_2d_int16.c wants them: those of 8 bits, the middle two of four exchanged."""
    return arrange(weights)[..., [0, 2, 1, 3]]


def lower(builder: Builder, op: Op) -> None:
    """Add a CONV_2D."""
    options, weights = builder.options(op, Conv2DOptions), read_weights(builder, op)
    parts = builder.parts(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    if weights.shape[3] != taken.channels:
        told = f"its weights take {weights.shape[3]} channels, its input has {taken.channels}"
        raise builder.refuse(op, told, "groups are for 8 bits only: write it as a convolution for each group")
    _, kernel_h, kernel_w, _ = weights.shape
    size = output_size(builder, op, (taken.height, taken.width), (kernel_h, kernel_w), options)
    builder.expect_output(op, *size, len(weights))
    rows = weights.reshape(len(weights), -1)
    sums = read_sums(builder, op, (taken, given), rows, options.activation, bias_at=2)
    builder.add(op, Conv2DInt16(weights, options, sums), parts)
