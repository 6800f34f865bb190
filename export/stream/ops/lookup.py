"""Ops that change each byte by itself: a table of 256 bytes, filled by TensorFlow Lite's own reference kernel."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Graph, Op
from edgeblur.export.tflite.kernels import run_kernels
from edgeblur.export.tflite.options import TableOptions

KINDS = ("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "TANH")


@dataclass(frozen=True, eq=False)
class Lookup(Operation):
    """A copy; its node's table does the work."""

    kernel = "lookup"
    label = "LOOKUP"

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {"size": output.row_bytes}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return copied(Layer(self, tuple(inputs), output), output.height)


def reference_table(graph: Graph, op: Op) -> bytes:
    """What an op makes of each byte: LiteRT's reference kernel runs the op alone on all 256.

    Returns:
        256 bytes, by the input byte's unsigned value.
    """
    every = np.arange(256, dtype=np.uint8)
    shape = (1, 1, 1, 256)
    tensors = tuple(
        dataclasses.replace(graph.tensors[i], index=n, shape=shape, signature=shape)
        for n, i in enumerate((op.inputs[0], op.outputs[0]))
    )
    # The first version: every interpreter has it, and versions tell what a file needs, not how a kernel computes.
    alone = dataclasses.replace(op, index=0, version=1, inputs=(0,), outputs=(1,))
    small = dataclasses.replace(graph, tensors=tensors, ops=(alone,), inputs=(0,), outputs=(1,))
    return bytes(run_kernels(small, [every.view(tensors[0].dtype).reshape(shape)]).tobytes())


def lower_table(builder: Builder, op: Op) -> None:
    """As `lower`, for a table that is known."""
    table = builder.options(op, TableOptions).table
    builder.parts(op, 0)
    taken = builder.plane(op, op.inputs[0], ("int8", "uint8"))
    builder.plane(op, op.outputs[0], ("int8", "uint8"))
    builder.expect_output(op, taken.height, taken.width, taken.channels)
    _add(builder, op, table)


def lower(builder: Builder, op: Op) -> None:
    """Fold the table into the node before, or add a node of its own."""
    builder.parts(op, 0)
    taken = builder.plane(op, op.inputs[0], ("int8", "uint8"))
    builder.plane(op, op.outputs[0], ("int8", "uint8"))
    builder.expect_output(op, taken.height, taken.width, taken.channels)
    try:
        table = reference_table(builder.graph, op)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise builder.refuse(op, f"LiteRT itself does not take it ({reason})", "convert the model anew") from error
    _add(builder, op, table)


def _add(builder: Builder, op: Op, table: bytes) -> None:
    if not builder.fuse_table(op, table):
        builder.add(op, Lookup(), (builder.source(op, 0),), table=table)
