"""CONCATENATION along the channels: readers that can take the parts where they are; others get them joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.options import ConcatenationOptions
from edgeblur.export.stream.builder import Builder
from edgeblur.export.stream.net import Array, Field, Operation, Plane, Window
from edgeblur.export.tflite import Op


@dataclass(frozen=True, eq=False)
class Concatenate(Operation):
    """Copies pixels of several planes side by side; of one plane, it is a plain copy."""

    kernel = "concatenation"
    label = "CONCATENATION"

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))] * len(inputs)

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        parts = np.array([plane.channels for plane in inputs], np.int16)
        return {"part_channels": Array("parts", parts), "parts": len(parts), "width": output.width}


def lower(builder: Builder, op: Op) -> None:
    """Let a CONCATENATION vanish into its readers."""
    assert isinstance(op.options, ConcatenationOptions)
    given = builder.plane(op, op.outputs[0])
    if op.options.axis % 4 != 3:
        raise builder.refuse(op, f"it joins along axis {op.options.axis}", "join along the channels, axis 3")
    if op.options.activation != "NONE":
        raise builder.refuse(op, f"its fused activation is {op.options.activation}", "make it an op of its own")
    parts: list[int] = []
    for position, index in enumerate(op.inputs):
        taken = builder.plane(op, index)
        if (taken.scale, taken.zero_point) != (given.scale, given.zero_point):
            raise builder.refuse(op, "its inputs have different scales", "quantize it so that they share one")
        parts += builder.parts(op, position)
    builder.alias(op, parts)
