"""RESIZE_NEAREST_NEIGHBOR: to any size, with all options."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.resize import read_resize
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import ResizeNearestNeighborOptions


def nearest(size: int, output: int, options: ResizeNearestNeighborOptions) -> tuple[int, ...]:
    """For each place along an output's axis, the place along the input's that it copies.

    In float32, as GetNearestNeighbor in tensorflow/lite/kernels/internal/reference/resize_nearest_neighbor.h does it.
    """
    corners = options.align_corners and output > 1
    scale = np.float32(size - corners) / np.float32(output - corners)
    offset = np.float32(0.5 if options.half_pixel_centers else 0)
    # With aligned corners it rounds, halves away from zero; 0.5 is added in float64, where nothing is lost.
    rounding = 0.5 if options.align_corners else 0.0
    places = (math.floor(float((np.float32(i) + offset) * scale) + rounding) for i in range(output))
    return tuple(min(place, size - 1) for place in places)


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighbor(Operation):
    """Copies of pixels.

    Attributes:
        options: as in the .tflite.
    """

    kernel = "resize_nearest_neighbor"
    label = "RESIZE_NEAREST_NEIGHBOR"
    options: ResizeNearestNeighborOptions

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(nearest(inputs[0].height, output.height, self.options))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        columns = np.array(nearest(inputs[0].width, output.width, self.options), np.int16)
        return {"columns": Array("columns", columns), "out_width": output.width, "channels": output.channels}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        layer = Layer(self, tuple(inputs), output)
        return copied(layer, layer.pixels)


def lower(builder: Builder, op: Op, operation: type[ResizeNearestNeighbor] = ResizeNearestNeighbor) -> None:
    """Add a RESIZE_NEAREST_NEIGHBOR."""
    options = builder.options(op, ResizeNearestNeighborOptions)
    source, _, _ = read_resize(builder, op)
    builder.add(op, operation(options), (source,))
