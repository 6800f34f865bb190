"""What only moves 16-bit numbers or takes one of some: pools, resizes, borders, copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, windowed
from edgeblur.export.stream.net.net import Field, Plane
from edgeblur.export.stream.ops import average_pool_2d, max_pool_2d, move, pad, resize_bilinear, resize_nearest_neighbor
from edgeblur.export.tflite.graph import Op


@dataclass(frozen=True, eq=False)
class MaxPool2DInt16(max_pool_2d.MaxPool2D):
    """As of 8 bits."""

    kernel = "max_pool_2d_int16"

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        """One number at a time, with vectors too."""
        return windowed(Layer(self, tuple(inputs), output))


@dataclass(frozen=True, eq=False)
class AveragePool2DInt16(average_pool_2d.AveragePool2D):
    """As of 8 bits."""

    kernel = "average_pool_2d_int16"
    most_numbers = 65000


@dataclass(frozen=True, eq=False)
class ResizeBilinearInt16(resize_bilinear.ResizeBilinear):
    """As of 8 bits."""

    kernel = "resize_bilinear_int16"


@dataclass(frozen=True, eq=False)
class ResizeNearestNeighborInt16(resize_nearest_neighbor.ResizeNearestNeighbor):
    """As of 8 bits."""

    kernel = "resize_nearest_neighbor_int16"


@dataclass(frozen=True, eq=False)
class PadInt16(pad.Pad):
    """As of 8 bits; the border is 0."""

    kernel = "pad_int16"

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {member: value for member, value in super().fields(inputs, output).items() if member != "value"}


@dataclass(frozen=True, eq=False)
class MoveInt16(move.Move):
    """As of 8 bits."""

    kernel = "move_int16"


def lower_max_pool(builder: Builder, op: Op) -> None:
    """Add a MAX_POOL_2D."""
    max_pool_2d.lower_pool(builder, op, MaxPool2DInt16)


def lower_average_pool(builder: Builder, op: Op) -> None:
    """Add an AVERAGE_POOL_2D."""
    average_pool_2d.lower(builder, op, AveragePool2DInt16)


def lower_bilinear(builder: Builder, op: Op) -> None:
    """Add a RESIZE_BILINEAR."""
    resize_bilinear.lower(builder, op, ResizeBilinearInt16)


def lower_nearest(builder: Builder, op: Op) -> None:
    """Add a RESIZE_NEAREST_NEIGHBOR."""
    resize_nearest_neighbor.lower(builder, op, ResizeNearestNeighborInt16)


def lower_pad(builder: Builder, op: Op) -> None:
    """Add a PAD, or a PADV2 with 0."""
    if len(op.inputs) > 2 and builder.constant(op, 2, "int16").any():
        raise builder.refuse(op, "it pads with another number than 0", "pad with 0, or quantize the model to 8 bits")
    pad.lower(builder, op, PadInt16)


def lower_move(builder: Builder, op: Op) -> None:
    """Add a MOVE."""
    move.lower(builder, op, MoveInt16)
