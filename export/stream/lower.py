"""From a .tflite graph to a net of row operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeblur.errors import Unsupported
from edgeblur.export.stream.net.builder import Builder, RefusedError
from edgeblur.export.stream.net.net import WIDE, Net
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.ops.int16 import LOWERINGS_INT16
from edgeblur.export.stream.passes.simplify import simplify
from edgeblur.export.stream.refusals import advice, refuse_float_picture, told
from edgeblur.export.tflite.graph import Graph, Op, image_model, require_int8
from edgeblur.export.tflite.inside import without_ends

_MOST_NODES = 256
"""A step's code in the generated C is a byte."""

_MOST_OPS = 2_000
"""In the file: all are looked at, and tables computed, in some seconds."""

_MOST_ROWS = 300_000
"""Of all layers: putting them in order and in place takes some ten seconds and 300 MB."""


def lower(graph: Graph) -> Net:
    """Turn a graph into a net, op by op; each operator's file in `ops/` knows its own.

    Raises:
        Unsupported: the model has no picture in or out, is not int8, has too many ops, layers or rows, or has ops that
            cannot be streamed: the sentence names them all, their places, and what to change.
    """
    if len(graph.ops) > _MOST_OPS:
        raise Unsupported(
            f"{graph.name} cannot be streamed: it has {len(graph.ops):,} ops, and {_MOST_OPS:,} is the most"
        )
    inner = without_ends(graph)
    if "float" in image_model(inner, several=True).input.dtype:
        refuse_float_picture(inner)
        require_int8(inner)
    simple = simplify(inner)
    builder, faults = lower_ops(simple)
    if faults:
        raise Unsupported(told(graph, faults))
    net = builder.net()
    if len(net.nodes) > _MOST_NODES:
        raise Unsupported(
            f"{graph.name} cannot be streamed: it has {len(net.nodes)} layers, and {_MOST_NODES} is the most"
        )
    if (rows := sum(node.plane.height for node in net.nodes)) > _MOST_ROWS:
        raise Unsupported(
            f"{graph.name} cannot be streamed: its layers have {rows:,} rows in all, and {_MOST_ROWS:,} is the most: "
            "make the picture smaller"
        )
    return net


def lowerings(graph: Graph) -> Mapping[str, Callable[[Builder, Op], None]]:
    """The operators that there are for a graph: of 16 bits if such a picture comes in, else of 8."""
    return LOWERINGS_INT16 if graph.tensors[graph.inputs[0]].dtype == WIDE else LOWERINGS


def lower_ops(graph: Graph) -> tuple[Builder, list[RefusedError]]:
    """Lower what can be lowered; the refusals of the rest. What only reads something refused is not told again.

    Where numbers are floats, the op is told that computes with them, not the DEQUANTIZE before it.

    Raises:
        Unsupported: no picture comes in.
    """
    builder, known = Builder(graph), lowerings(graph)
    builder.add_picture(graph.inputs[0])
    faults: list[RefusedError] = []
    lost: set[int] = set()
    floats: set[int] = set()
    for op in graph.ops:
        if op.kind == "DEQUANTIZE" and not set(op.outputs).intersection(graph.outputs):
            floats.update(op.outputs)
            lost.update(op.outputs)
            continue
        if lost.intersection(op.inputs):
            if floats.intersection(op.inputs):
                faults.append(builder.refuse(op, *advice(builder.graph, op)))
            lost.update(op.outputs)
            continue
        try:
            if op.kind not in known:
                raise builder.refuse(op, *advice(builder.graph, op))
            known[op.kind](builder, op)
        except RefusedError as fault:
            faults.append(fault)
            lost.update(op.outputs)
    return builder, faults
