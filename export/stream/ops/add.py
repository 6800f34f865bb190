"""ADD and SUB, of planes and constants, repeated along any axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import clamp, quantize_multiplier
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.operands import Operand, Pairwise, read_operands
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import AddOptions, SubOptions

KINDS = ("ADD", "SUB")

_POWER_OF_TWO = 1 << 30
"""The multiplier of a scale that is a power of two."""

Factor = tuple[int, int]
"""Multiplier and shift, as `requantize` in kernels/common.h takes them."""


@dataclass(frozen=True, eq=False)
class Add(Pairwise):
    """Both operands are brought to twice the larger scale, with bits to spare, added, and brought to the output's.

    Attributes:
        signs: of the operands; -1 for the one that is subtracted. TensorFlow Lite has the sign in the multiplier, which
            gives the same products; here multipliers are positive, as all of `requantize` needs them.
        factors: of the first operand, of the second and of their sum.
        zero_point: of the output.
        least, most: output steps that the fused activation lets pass.
    """

    kernel = "add"
    label = "ADD"
    left_shift: ClassVar[int] = 20
    """Bits that TensorFlow Lite adds to both operands before it brings them to one scale."""
    signs: tuple[int, int]
    factors: tuple[Factor, Factor, Factor]
    zero_point: int
    least: int
    most: int

    def scale_fields(self) -> Mapping[str, Field]:
        names = ("first", "second", "out")
        multipliers = {f"{name}_multiplier": factor[0] for name, factor in zip(names, self.factors, strict=True)}
        shifts = {f"{name}_shift": factor[1] for name, factor in zip(names, self.factors, strict=True)}
        return {
            "first_unit": self.signs[0] << self.left_shift,
            "second_unit": self.signs[1] << self.left_shift,
            **multipliers,
            **shifts,
            "out_zero_point": self.zero_point,
            "least": self.least,
            "most": self.most,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        """Both operands are brought to one scale: a constant that is one number only once, powers of two by a shift."""
        layer = Layer(self, tuple(inputs), output)
        constant = layer.operation.fields(layer.inputs, layer.output)["in.constant"]
        single = isinstance(constant, Array) and constant.values.size == 1
        operands = ("first",) if single else ("first", "second")
        multiplied = sum(layer.number(f"{name}_multiplier") != _POWER_OF_TWO for name in operands)
        return {
            **pointwise(layer),
            "operands": layer.elements * len(operands),
            "multiplications": layer.elements * multiplied,
            "differences": layer.elements * any(layer.number(f"{name}_unit") < 0 for name in operands),
        }


@dataclass(frozen=True, eq=False)
class Subtract(Add):
    """The same with one sign negative."""

    label = "SUB"


def _factors(
    builder: Builder, op: Op, operands: tuple[Operand, Operand], given: Plane, left_shift: int
) -> tuple[Factor, Factor, Factor]:
    """As PrepareGeneralSubOp in tensorflow/lite/kernels/sub.cc and Prepare in add.cc compute them."""
    common = 2 * max(operand.scale for operand in operands)
    reals = [operand.scale / common for operand in operands] + [common / (2**left_shift * given.scale)]
    first, second, both = (quantize_multiplier(real) for real in reals)
    if reals[2] >= 1 or both[1] > 0:
        told = f"its output's scale {given.scale:g} is too small for its inputs'"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    return first, second, both


def lower(builder: Builder, op: Op, add: type[Add] = Add, subtract: type[Add] = Subtract) -> None:
    """Add an ADD or a SUB."""
    kind = subtract if op.kind == "SUB" else add
    options = builder.options(op, SubOptions) if op.kind == "SUB" else builder.options(op, AddOptions)
    operands, sources, swapped = read_operands(builder, op)
    given = builder.plane(op, op.outputs[0])
    factors = _factors(builder, op, operands, given, kind.left_shift)
    limits = clamp(builder.activation(op, options.activation), given)
    signs = (1, 1) if op.kind == "ADD" else (-1, 1) if swapped else (1, -1)
    builder.add(op, kind(*operands, signs, factors, given.zero_point, *limits), sources)
