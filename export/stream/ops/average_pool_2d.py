"""AVERAGE_POOL_2D: any window, stride and padding; as MAX_POOL_2D but for the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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
    most_numbers: ClassVar[int] = 2**23
    """Of a window: so many may leave 32 bits, added up."""

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        return windowed(Layer(self, tuple(inputs), output))


def lower(builder: Builder, op: Op, operation: type[AveragePool2D] = AveragePool2D) -> None:
    """Add an AVERAGE_POOL_2D."""
    options = builder.options(op, Pool2DOptions)
    if options.filter_h * options.filter_w >= operation.most_numbers:
        raise builder.refuse(op, "its sums may leave 32 bits", "make its window smaller")
    lower_pool(builder, op, operation)
