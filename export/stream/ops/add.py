"""ADD and SUB, of planes and constants, repeated along any axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeblur.export.options import AddOptions, SubOptions
from edgeblur.export.stream.builder import Builder
from edgeblur.export.stream.fixed_point import clamp, quantize_multiplier
from edgeblur.export.stream.net import Field, Plane
from edgeblur.export.stream.ops.operands import Operand, Pairwise, read_operands
from edgeblur.export.tflite import Op

KINDS = ("ADD", "SUB")

_LEFT_SHIFT = 20
"""Bits that TensorFlow Lite adds to both operands before it brings them to one scale."""

Factor = tuple[int, int]
"""Multiplier and shift, as `requantize` in kernels/common.h takes them."""


@dataclass(frozen=True, eq=False)
class Add(Pairwise):
    """Both operands are brought to twice the larger scale, with bits to spare, added, and brought to the output's.

    Attributes:
        factors: of the first operand, of the second and of their sum; negative for an operand that is subtracted.
        zero_point: of the output.
        least, most: output steps that the fused activation lets pass.
    """

    kernel = "add"
    label = "ADD"
    factors: tuple[Factor, Factor, Factor]
    zero_point: int
    least: int
    most: int

    def scale_fields(self) -> Mapping[str, Field]:
        names = ("first", "second", "out")
        multipliers = {f"{name}_multiplier": factor[0] for name, factor in zip(names, self.factors, strict=True)}
        shifts = {f"{name}_shift": factor[1] for name, factor in zip(names, self.factors, strict=True)}
        return {
            **multipliers,
            **shifts,
            "out_zero_point": self.zero_point,
            "least": self.least,
            "most": self.most,
        }


@dataclass(frozen=True, eq=False)
class Subtract(Add):
    """The same with one factor negative."""

    label = "SUB"


def _factors(builder: Builder, op: Op, operands: tuple[Operand, Operand], given: Plane) -> list[Factor]:
    """As PrepareGeneralSubOp in tensorflow/lite/kernels/sub.cc and Prepare in add.cc compute them."""
    common = 2 * max(operand.scale for operand in operands)
    reals = [operand.scale / common for operand in operands] + [common / (2**_LEFT_SHIFT * given.scale)]
    factors = [quantize_multiplier(real) for real in reals]
    if any(real >= 1 or shift > 0 for real, (_, shift) in zip(reals, factors, strict=True)):
        told = f"its output's scale {given.scale:g} is too small for its inputs'"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    return factors


def lower(builder: Builder, op: Op) -> None:
    """Add an ADD or a SUB."""
    subtract = op.kind == "SUB"
    options = builder.options(op, SubOptions) if subtract else builder.options(op, AddOptions)
    operands, sources, swapped = read_operands(builder, op)
    given = builder.plane(op, op.outputs[0])
    first, second, both = _factors(builder, op, operands, given)
    if subtract and swapped:
        first = (-first[0], first[1])
    elif subtract:
        second = (-second[0], second[1])
    limits = clamp(builder.activation(op, options.activation), given)
    kind = Subtract if subtract else Add
    builder.add(op, kind(*operands, (first, second, both), given.zero_point, *limits), sources)
