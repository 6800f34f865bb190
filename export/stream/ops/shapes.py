"""Ops that only rename a tensor: they vanish."""

from __future__ import annotations

from edgeblur.export.stream.builder import Builder, told_shape
from edgeblur.export.tflite import Op

KINDS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def lower(builder: Builder, op: Op) -> None:
    """Let an op vanish that leaves height, width and channels as they are."""
    parts = builder.parts(op, 0)
    taken, given = (builder.graph.tensors[i] for i in (op.inputs[0], op.outputs[0]))
    if taken.shape != given.shape:
        told = f"it turns {told_shape(taken.shape)} to {told_shape(given.shape)}"
        raise builder.refuse(op, told, "rows must stay rows: take it out of the model")
    if (taken.dtype, taken.scales, taken.zero_points) != (given.dtype, given.scales, given.zero_points):
        raise builder.refuse(op, "its input and output have different scales", "convert the model anew")
    builder.alias(op, parts)
