"""TRANSPOSE_CONV of 16-bit planes, with all that it has in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.conv_2d import column_numbers, strip_pixels
from edgeblur.export.stream.ops.conv_2d_work import conv_2d_int16_work
from edgeblur.export.stream.ops.int16.conv_2d import paired, part_fields
from edgeblur.export.stream.ops.int16.weights import Sums, read_sums
from edgeblur.export.stream.ops.transpose_conv import TiledTransposing, Transposing, check_size, tiles
from edgeblur.export.stream.ops.weights import read_weights
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import TransposeConvOptions


@dataclass(frozen=True, eq=False)
class TransposeConvInt16(Transposing):
    """A transposed convolution of 16-bit planes.

    Attributes:
        sums: biases and scales, of 64 bits.
    """

    kernel = "transpose_conv_int16"
    sums: Sums

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.sums.bias),
            **self.sums.scale_fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "out_width": output.width,
            "out_channels": output.channels,
            **self.window_fields(output),
        }


@dataclass(frozen=True, eq=False)
class TiledTransposeConvInt16(TiledTransposing, TransposeConvInt16):
    """One whose windows lie side by side."""

    kernel = "conv_2d_int16"

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        pieces, kernel_w = self.phases(), self.options.stride_w
        return {
            "weights": Array("weights", np.stack([paired(phase) for phase in pieces])),
            **self.sums.repeated(kernel_w).fields(),
            **part_fields(inputs),
            "in_width": inputs[0].width,
            "out_width": inputs[0].width,
            "out_channels": kernel_w * output.channels,
            **self.window_fields(output),
            "column": column_numbers(pieces[0]),
            "phases": len(pieces),
            "strip": strip_pixels(pieces[0], 1, 1),
        }

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
    builder.add(op, kind(weights, options, sums), (source,))
