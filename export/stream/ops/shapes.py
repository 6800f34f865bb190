"""Ops that only rename a tensor: they vanish."""

from __future__ import annotations

from edgeblur.export.stream.builder import Builder
from edgeblur.export.tflite import Op

KINDS = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")


def lower(builder: Builder, op: Op) -> None:
    """Let an op vanish that leaves height, width and channels as they are."""
    taken, given = (builder.graph.tensors[i].shape for i in (op.inputs[0], op.outputs[0]))
    if taken != given:
        told = " to ".join("x".join(map(str, shape)) for shape in (taken, given))
        raise builder.refuse(op, f"it turns {told}", "rows must stay rows: take it out of the model")
    builder.alias(op, builder.parts(op, 0))
