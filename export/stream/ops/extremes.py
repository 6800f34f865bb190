"""MINIMUM and MAXIMUM of planes and constants, repeated along any axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Field, Plane
from edgeblur.export.stream.ops.operands import Pairwise, read_operands
from edgeblur.export.tflite.graph import Op

KINDS = ("MAXIMUM", "MINIMUM")


@dataclass(frozen=True, eq=False)
class Extreme(Pairwise):
    """The larger or the smaller of two steps; all three tensors have one scale.

    Attributes:
        largest: whether it is the larger.
    """

    kernel = "extremes"
    label = "MAXIMUM"
    largest: bool

    def scale_fields(self) -> Mapping[str, Field]:
        return {"largest": int(self.largest)}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return pointwise(Layer(self, tuple(inputs), output))


@dataclass(frozen=True, eq=False)
class Minimum(Extreme):
    """The same for the smaller one."""

    label = "MINIMUM"


def lower(builder: Builder, op: Op) -> None:
    """Add a MINIMUM or a MAXIMUM."""
    operands, sources, _ = read_operands(builder, op)
    given = builder.plane(op, op.outputs[0])
    if any((operand.scale, operand.zero_point) != (given.scale, given.zero_point) for operand in operands):
        raise builder.refuse(op, "its inputs and output have different scales", "quantize it so that they share one")
    kind = Extreme if op.kind == "MAXIMUM" else Minimum
    builder.add(op, kind(*operands, op.kind == "MAXIMUM"), sources)
