"""Ops that only rename a tensor: they vanish."""

from __future__ import annotations

from edgeblur.export.stream.net.builder import Builder, told_shape
from edgeblur.export.tflite.graph import Op

KINDS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def lower(builder: Builder, op: Op) -> None:
    """Let an op vanish that leaves height, width and channels as they are."""
    parts = builder.parts(op, 0)
    shapes = [builder.graph.tensors[i].shape for i in (op.inputs[0], op.outputs[0])]
    if shapes[0] != shapes[1]:
        told = " to ".join(map(told_shape, shapes))
        raise builder.refuse(op, f"it turns {told}", "rows must stay rows: take it out of the model")
    taken, given = (builder.plane(op, i, builder.dtypes) for i in (op.inputs[0], op.outputs[0]))
    builder.expect_same_scale(op, taken, given)
    builder.alias(op, parts)
