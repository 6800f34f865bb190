"""CONCATENATION along the channels: readers that can take the parts where they are; others get them joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import ConcatenationOptions


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
    options, given = builder.options(op, ConcatenationOptions), builder.plane(op, op.outputs[0])
    if options.axis not in (3, -1):
        raise builder.refuse(op, f"it joins along axis {options.axis}", "join along the channels, axis 3")
    if options.activation != "NONE":
        raise builder.refuse(op, f"its fused activation is {options.activation}", "make it an op of its own")
    parts: list[int] = []
    channels = 0
    for position, index in enumerate(op.inputs):
        parts += builder.parts(op, position)
        taken = builder.plane(op, index)
        channels += taken.channels
        builder.expect_output(op, taken.height, taken.width, given.channels)
        builder.expect_same_scale(op, taken, given)
    builder.expect_output(op, given.height, given.width, channels)
    builder.alias(op, parts)
