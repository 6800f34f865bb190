"""CONCATENATION along the channels: readers that can take the parts where they are; others get them joined."""

from __future__ import annotations

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import ConcatenationOptions


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
