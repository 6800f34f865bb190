"""AVERAGE_POOL_2D: any window, stride and padding; as MAX_POOL_2D but for the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, windowed
from edgeblur.export.stream.net.net import Plane
from edgeblur.export.stream.ops.max_pool_2d import Pool2D, lower_pool
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Pool2DOptions


@dataclass(frozen=True, eq=False)
class AveragePool2D(Pool2D):
    """The mean of each window's numbers inside the picture, rounded, halves away from zero."""

    kernel = "average_pool_2d"
    label = "AVERAGE_POOL_2D"

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return windowed(Layer(self, tuple(inputs), output))


def lower(builder: Builder, op: Op) -> None:
    """Add an AVERAGE_POOL_2D."""
    options = builder.options(op, Pool2DOptions)
    if options.filter_h * options.filter_w >= 2**23:
        raise builder.refuse(op, "its sums may leave 32 bits", "make its window smaller")
    lower_pool(builder, op, AveragePool2D)
