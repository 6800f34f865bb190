"""PRELU: a slope below zero for each channel, or for each number of the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import fits_32_bits, quantize_multiplier, scale_ratio
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Field, Plane
from edgeblur.export.stream.ops.mul import WORST_PRODUCT
from edgeblur.export.stream.ops.operands import Pairwise, read_operands
from edgeblur.export.tflite.graph import Op


@dataclass(frozen=True, eq=False)
class Prelu(Pairwise):
    """What is below zero is multiplied by the slopes, the second operand; both sides are brought to the output's scale.

    Attributes:
        above, below: multiplier and shift of the two sides.
        zero_point: of the output.
    """

    kernel = "prelu"
    label = "PRELU"
    above: tuple[int, int]
    below: tuple[int, int]
    zero_point: int

    def scale_fields(self) -> Mapping[str, Field]:
        return {
            "multiplier_above": self.above[0],
            "multiplier_below": self.below[0],
            "shift_above": self.above[1],
            "shift_below": self.below[1],
            "out_zero_point": self.zero_point,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return pointwise(Layer(self, tuple(inputs), output))


def lower(builder: Builder, op: Op) -> None:
    """Add a PRELU."""
    operands, sources, swapped = read_operands(builder, op)
    given = builder.plane(op, op.outputs[0])
    taken, alpha = operands
    if swapped or alpha.values is None or taken.size != (given.height, given.width, given.channels):
        raise builder.refuse(op, "its slopes are computed, or more than its input", "make them constant, one a channel")
    above = quantize_multiplier(scale_ratio(taken.scale, over=given.scale))
    below = quantize_multiplier(scale_ratio(taken.scale, alpha.scale, over=given.scale))
    if not (fits_32_bits(255, *above) and fits_32_bits(WORST_PRODUCT, *below)):
        told = f"its output's scale {given.scale:g} is too small for its input's"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    builder.add(op, Prelu(*operands, above, below, given.zero_point), sources)
