"""ADD, SUB and MUL of 16-bit planes and constants, repeated along any axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.net import Field, Plane
from edgeblur.export.stream.ops import add, mul
from edgeblur.export.tflite.graph import Op

_ZERO_POINTS = ("in.first_zero_point", "in.second_zero_point", "out_zero_point")


def _without_zero_points(fields: Mapping[str, Field]) -> Mapping[str, Field]:
    """Zero points are 0: the kernels have none."""
    return {member: value for member, value in fields.items() if member not in _ZERO_POINTS}


@dataclass(frozen=True, eq=False)
class AddInt16(add.Add):
    """As of 8 bits, with 15 bits to spare."""

    kernel = "add_int16"
    left_shift = 15

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return _without_zero_points(super().fields(inputs, output))


@dataclass(frozen=True, eq=False)
class SubtractInt16(AddInt16):
    """The same with one sign negative."""

    label = "SUB"


@dataclass(frozen=True, eq=False)
class MultiplyInt16(mul.Multiply):
    """As of 8 bits."""

    kernel = "mul_int16"
    worst_product = 2**30

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return _without_zero_points(super().fields(inputs, output))


def lower_sum(builder: Builder, op: Op) -> None:
    """Add an ADD or a SUB, but for those of LSTMs, whose scales are powers of two."""
    scales = [builder.graph.tensors[i].scales for i in (*op.inputs, *op.outputs) if i >= 0]
    if all(len(found) == 1 and np.frexp(found[0])[0] == 0.5 for found in scales):
        told = "all its scales are powers of two, where TensorFlow Lite shifts instead of multiplying"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    add.lower(builder, op, AddInt16, SubtractInt16)


def lower_product(builder: Builder, op: Op) -> None:
    """Add a MUL."""
    mul.lower(builder, op, MultiplyInt16)
