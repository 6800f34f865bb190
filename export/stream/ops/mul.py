"""MUL, of planes and constants, repeated along any axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import clamp, fits_32_bits, quantize_multiplier, scale_ratio
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Field, Plane
from edgeblur.export.stream.ops.operands import Pairwise, read_operands
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import MulOptions

WORST_PRODUCT = 255 * 255


@dataclass(frozen=True, eq=False)
class Multiply(Pairwise):
    """The product of both operands, without their zero points, brought to the output's scale.

    Attributes:
        multiplier, shift: from products to output steps.
        zero_point: of the output.
        least, most: output steps that the fused activation lets pass.
    """

    kernel = "mul"
    label = "MUL"
    worst_product: ClassVar[int] = WORST_PRODUCT
    multiplier: int
    shift: int
    zero_point: int
    least: int
    most: int

    def scale_fields(self) -> Mapping[str, Field]:
        return {
            "multiplier": self.multiplier,
            "shift": self.shift,
            "out_zero_point": self.zero_point,
            "least": self.least,
            "most": self.most,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        return pointwise(Layer(self, tuple(inputs), output))


def lower(builder: Builder, op: Op, operation: type[Multiply] = Multiply) -> None:
    """Add a MUL."""
    activation = builder.options(op, MulOptions).activation
    operands, sources, _ = read_operands(builder, op)
    given = builder.plane(op, op.outputs[0])
    multiplier, shift = quantize_multiplier(scale_ratio(operands[0].scale, operands[1].scale, over=given.scale))
    if not fits_32_bits(operation.worst_product, multiplier, shift):
        told = f"its output's scale {given.scale:g} is too small for its inputs'"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    limits = clamp(builder.activation(op, activation), given)
    builder.add(op, operation(*operands, multiplier, shift, given.zero_point, *limits), sources)
