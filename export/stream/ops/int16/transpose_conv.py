"""TRANSPOSE_CONV of 16-bit planes, with all that it has in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.conv_2d import strip_bytes, strip_pixels
from edgeblur.export.stream.ops.conv_2d_work import conv_2d_int16_work
from edgeblur.export.stream.ops.geometry import windowed_columns
from edgeblur.export.stream.ops.int16.conv_2d import column_numbers, paired, part_fields
from edgeblur.export.stream.ops.int16.weights import Sums, read_sums
from edgeblur.export.stream.ops.transpose_conv import Transposed, check_size, gathered_work, phases, tiles
from edgeblur.export.stream.ops.weights import read_weights
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import TransposeConvOptions


@dataclass(frozen=True, eq=False)
class TransposeConvInt16(Operation):
    """A transposed convolution, turned round: each output row gathers from the input rows that reach it.

    Attributes:
        weights: `[out, kernel height, kernel width, in]` int8.
        sums: biases and scales, of 64 bits.
        options: as in the .tflite.
    """

    kernel = "transpose_conv_int16"
    label = "TRANSPOSE_CONV"
    weights: NDArray[np.int8]
    sums: Sums
    options: TransposeConvOptions

    @property
    def shape(self) -> Transposed:
        """Where it reads."""
        return Transposed(self.weights.shape[1], self.weights.shape[2], self.options)

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [self.shape.window(output)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        out_channels, kernel_h, kernel_w, in_channels = self.weights.shape
        pad_top, pad_left = self.shape.pads(output)
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.sums.bias),
            **self.sums.scale_fields(),
            "in_width": inputs[0].width,
            "in_channels": in_channels,
            "out_width": output.width,
            "out_channels": out_channels,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "stride_h": self.options.stride_h,
            "stride_w": self.options.stride_w,
            "pad_top": pad_top,
            "pad_left": pad_left,
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        return Columns({"pad_left": self.shape.pads(output)[1] + first, "out_width": end - first}, (0,))

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        return inputs[0].height * inputs[0].width * self.weights.size // output.height  # as of 8 bits

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return gathered_work(Layer(self, tuple(inputs), output))


@dataclass(frozen=True, eq=False)
class TiledTransposeConvInt16(TransposeConvInt16):
    """One whose windows lie side by side: each output row is a 1x1 convolution of an input row."""

    kernel = "conv_2d_int16"

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        pieces, kernel_w = phases(self.weights), self.options.stride_w
        return {
            "weights": Array("weights", np.stack([paired(phase) for phase in pieces])),
            **self.sums.repeated(kernel_w).fields(),
            **part_fields(inputs),
            "in_width": inputs[0].width,
            "out_width": inputs[0].width,
            "out_channels": kernel_w * output.channels,
            "kernel_h": 1,
            "kernel_w": 1,
            "stride": 1,
            "dilation": 1,
            "pad_left": 0,
            "column": column_numbers(pieces[0]),
            "phases": len(pieces),
            "strip": strip_pixels(pieces[0], 1, 1),
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        apart = self.options.stride_w  # the kernel's columns are those of the input
        if first % apart or end % apart:
            return None
        return windowed_columns(self.fields(inputs, output), inputs, first // apart, end // apart, 1)

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        piece = phases(self.weights)[0]
        return strip_bytes(piece, 1, 1, strip_pixels(piece, 1, 1))

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return conv_2d_int16_work(Layer(self, tuple(inputs), output), narrow=self.sums.narrow)


def lower(builder: Builder, op: Op) -> None:
    """Add a TRANSPOSE_CONV; its first input is the output's shape."""
    options, weights = builder.options(op, TransposeConvOptions), read_weights(builder, op)
    source = builder.source(op, 2)
    taken, given = builder.plane(op, op.inputs[2]), builder.plane(op, op.outputs[0])
    check_size(builder, op, taken, given, weights)
    tiled = tiles(options, weights, taken, given)
    rows = weights.reshape(len(weights), -1)
    sums = read_sums(builder, op, (taken, given), rows, options.activation, bias_at=3, wide=not tiled)
    kind = TiledTransposeConvInt16 if tiled else TransposeConvInt16
    builder.add(op, kind(weights, sums, options), (source,))
