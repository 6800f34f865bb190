"""MAX_POOL_2D: any window, stride and padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import clamp, padding_before
from edgeblur.export.stream.net.layer import VECTOR, Layer, Work, ceil_div, columns_inside, windowed
from edgeblur.export.stream.net.net import Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.geometry import output_size, windowed_columns
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Pool2DOptions


@dataclass(frozen=True, eq=False)
class Pool2D(Operation):
    """A pooling window; what lies outside the picture takes no part.

    Attributes:
        options: as in the .tflite.
        least, most: output steps that the fused activation lets pass.
    """

    options: Pool2DOptions
    least: int
    most: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        o = self.options
        pad = padding_before(o.padding, inputs[0].height, output.height, o.filter_h, o.stride_h)
        return [Window(tuple(y * o.stride_h - pad for y in range(output.height)), 1, o.filter_h)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        o = self.options
        return {
            "in_width": inputs[0].width,
            "out_width": output.width,
            "channels": output.channels,
            "filter_h": o.filter_h,
            "filter_w": o.filter_w,
            "stride": o.stride_w,
            "pad_left": padding_before(o.padding, inputs[0].width, output.width, o.filter_w, o.stride_w),
            "least": self.least,
            "most": self.most,
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        return windowed_columns(self.fields(inputs, output), inputs, first, end, self.options.stride_w)


@dataclass(frozen=True, eq=False)
class MaxPool2D(Pool2D):
    """The largest of each window."""

    kernel = "max_pool_2d"
    label = "MAX_POOL_2D"

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        layer = Layer(self, tuple(inputs), output)
        if not helium:
            return windowed(layer)
        rows, vectors = layer.rows_inside(), ceil_div(output.channels, VECTOR)
        return {
            "rows": output.height,
            "vectors": layer.pixels * vectors,
            "lines": rows * output.width * vectors,
            "taps": rows * columns_inside(layer) * vectors,
        }


def lower_pool(builder: Builder, op: Op, operation: type[Pool2D]) -> None:
    """Add a pooling op."""
    options = builder.options(op, Pool2DOptions)
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    size = output_size(builder, op, (taken.height, taken.width), (options.filter_h, options.filter_w), options)
    builder.expect_output(op, *size, taken.channels)
    builder.expect_same_scale(op, taken, given)
    least, most = clamp(builder.activation(op, options.activation), given)
    builder.add(op, operation(options, least, most), (source,))


def lower(builder: Builder, op: Op) -> None:
    """Add a MAX_POOL_2D."""
    lower_pool(builder, op, MaxPool2D)
