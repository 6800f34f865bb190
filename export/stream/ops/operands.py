"""What ops on two numbers at a time share: planes and constants of one size, or repeated to one."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder, told_shape
from edgeblur.export.stream.net.net import Array, Columns, Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op

Size = tuple[int, ...]
"""`(height, width, channels)`; 1 where the number is repeated."""


@dataclass(frozen=True, eq=False)
class Operand:
    """One of the two.

    Attributes:
        scale, zero_point: of its steps.
        size: its height, width and channels.
        values: its steps if it is constant, `[height, width, channels]` as planes have them; None if it is a plane.
    """

    scale: float
    zero_point: int
    size: Size
    values: NDArray[np.integer[Any]] | None = None

    @property
    def strides(self) -> Size:
        """Steps from a row to the next, from a pixel to the next, from a channel to the next; 0 where repeated."""
        height, width, channels = self.size
        strides = (width * channels, channels, 1)
        return tuple(stride if n > 1 else 0 for stride, n in zip(strides, (height, width, channels), strict=True))


@dataclass(frozen=True, eq=False)
class Pairwise(Operation, abc.ABC):
    """An op on two operands; the first is a plane, the second a plane or a constant.

    Attributes:
        first, second: the operands.
    """

    first: Operand
    second: Operand

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        every, same = tuple(range(output.height)), (0,) * output.height
        return [Window(every if plane.height > 1 else same) for plane in inputs]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        values = self.second.values
        _, first_pixel, first_channel = self.first.strides
        row, second_pixel, second_channel = self.second.strides
        return {
            "in.constant": None if values is None else Array("constant", values),
            "in.constant_row": row,
            "in.width": output.width,
            "in.channels": output.channels,
            "in.first_pixel": first_pixel,
            "in.first_channel": first_channel,
            "in.first_zero_point": self.first.zero_point,
            "in.second_pixel": second_pixel,
            "in.second_channel": second_channel,
            "in.second_zero_point": self.second.zero_point,
            **self.scale_fields(),
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        pixels = (self.first.strides[1], self.second.strides[1])
        if self.second.values is not None and pixels[1]:  # a constant of its own for each pixel
            return None
        return Columns({"in.width": end - first}, tuple(first * pixel for pixel in pixels[: len(inputs)]))

    @abc.abstractmethod
    def scale_fields(self) -> Mapping[str, Field]:
        """The members of the kernel's struct behind the operands."""


def _constant(builder: Builder, op: Op, position: int) -> Operand:
    values: NDArray[Any] = builder.constant(op, position, builder.dtypes[0])
    tensor = builder.graph.tensors[op.inputs[position]]
    if values.ndim > 4 or values.size < 1 or (values.ndim == 4 and len(values) > 1):
        told = f"its constant {tensor.name!r} is {told_shape(tensor.shape)}"
        raise builder.refuse(op, told, "it should be a number, one a channel, or a plane")
    scale, zero_point = builder.quantization(op, tensor)
    size = (1, 1, 1, *values.shape)[-3:]
    return Operand(scale, zero_point, size, values.reshape(size))


def _plane(builder: Builder, op: Op, position: int) -> Operand:
    plane = builder.plane(op, op.inputs[position])
    return Operand(plane.scale, plane.zero_point, (plane.height, plane.width, plane.channels))


def _check_output(builder: Builder, op: Op, operands: Sequence[Operand]) -> None:
    size = [max(lengths) for lengths in zip(*(operand.size for operand in operands), strict=True)]
    for operand in operands:
        if any(n not in (1, most) for n, most in zip(operand.size, size, strict=True)):
            told = " and ".join(told_shape(operand.size) for operand in operands)
            raise builder.refuse(op, f"its inputs are {told}", "make them one size, or 1 where they are repeated")
    builder.expect_output(op, *size)


def read_operands(builder: Builder, op: Op) -> tuple[tuple[Operand, Operand], tuple[int, ...], bool]:
    """An op's two inputs, the plane first.

    Returns:
        The operands, the nodes that make those which are planes, and whether the two changed places.

    Raises:
        UserError: both are constant, one is not of the planes' type with one scale, or their sizes do not go together.
    """
    if len(op.inputs) != 2:
        raise builder.refuse(op, f"it has {len(op.inputs)} inputs", "convert the model anew: it takes two")
    constant = [(tensor := builder.tensor(op, i)) is not None and tensor.data is not None for i in (0, 1)]
    swapped = constant[0]
    planes = (1,) if swapped else (0,) if constant[1] else (0, 1)
    sources = tuple(builder.source(op, position) for position in planes)
    first = _plane(builder, op, planes[0])
    second = _plane(builder, op, 1) if len(planes) > 1 else _constant(builder, op, 1 - planes[0])
    _check_output(builder, op, (first, second))
    return (first, second), sources, swapped
