"""RESIZE_BILINEAR: to any size, with all options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.resize import read_resize
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import ResizeBilinearOptions

_ONE = 1 << 10
"""Places between two pixels: TensorFlow Lite counts along an axis in 1/1024 of a pixel."""


@dataclass(frozen=True)
class Axis:
    """Where the pixels of a resized axis lie along the one it was: pixel i at `i * step + start`, in 1/1024 pixels.

    As ResizeBilinearInteger in tensorflow/lite/kernels/internal/reference/resize_bilinear.h computes them.
    """

    step: int
    start: int

    @classmethod
    def between(cls, size: int, output: int, options: ResizeBilinearOptions) -> Axis:
        """From an axis of one size to another."""
        corners = int(options.align_corners and output > 1)
        step = (_ONE * (size - corners) + (output - corners) // 2) // (output - corners)
        return cls(step, step // 2 - _ONE // 2 if options.half_pixel_centers else 0)

    def lower(self, i: int) -> int:
        """The last input pixel that lies before output pixel i: -1 if that is the first or before it."""
        return (i * self.step + self.start + _ONE - 1) // _ONE - 1

    def place(self, i: int) -> int:
        """Output pixel i's place in whole input pixels, rounded down."""
        return (i * self.step + self.start) // _ONE


@dataclass(frozen=True, eq=False)
class ResizeBilinear(Operation):
    """Means of the two rows and two columns around each place.

    Attributes:
        down, across: where the output's pixels lie.
    """

    kernel = "resize_bilinear"
    label = "RESIZE_BILINEAR"
    down: Axis
    across: Axis

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(self.down.lower(y) for y in range(output.height)), 1, 2)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "row_step": self.down.step,
            "row_start": self.down.start,
            "column_step": self.across.step,
            "column_start": self.across.start,
            "in_width": inputs[0].width,
            "out_width": output.width,
            "channels": output.channels,
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        start = self.across.start + first * self.across.step
        return Columns({"column_start": start, "out_width": end - first}, (0,))

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        return pointwise(Layer(self, tuple(inputs), output))


def _axis(builder: Builder, op: Op, size: int, output: int, options: ResizeBilinearOptions) -> Axis:
    axis = Axis.between(size, output, options)
    if axis.place(output - 1) >= size:
        # The step is rounded; over so many pixels that adds up, and TensorFlow Lite itself reads behind its input.
        raise builder.refuse(op, f"it makes {output} pixels of {size}", "resize by a smaller factor, or in two steps")
    return axis


def lower(builder: Builder, op: Op, operation: type[ResizeBilinear] = ResizeBilinear) -> None:
    """Add a RESIZE_BILINEAR."""
    options = builder.options(op, ResizeBilinearOptions)
    if options.align_corners and options.half_pixel_centers:
        raise builder.refuse(op, "it aligns corners and has half pixel centers", "set one of the two")
    source, taken, given = read_resize(builder, op)
    rows = _axis(builder, op, taken.height, given.height, options)
    columns = _axis(builder, op, taken.width, given.width, options)
    builder.add(op, operation(rows, columns), (source,))
