"""From a .tflite graph to a net of row operations."""

from __future__ import annotations

from edgeblur.errors import Unsupported
from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.tflite.graph import Graph, image_model, require_int8

_SHAPE_TYPES = ("int32", "int64")
"""Types of shapes and sizes. What computes them vanishes: every size is known when the model is read."""

_WHOLE_PICTURE = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "FULLY_CONNECTED", "SOFTMAX"})


def lower(graph: Graph) -> Net:
    """Turn a graph into a net, op by op; each operator's file in `ops/` knows its own.

    Raises:
        Unsupported: the model has no picture in or out, is not int8, or has an op that cannot be streamed: the sentence
            names the op, its place, and what to change.
    """
    image_model(graph)
    require_int8(graph)
    builder = Builder(graph)
    builder.add_picture(graph.inputs[0])
    for op in graph.ops:
        if all(graph.tensors[i].dtype in _SHAPE_TYPES for i in op.outputs):
            continue
        if op.kind not in LOWERINGS:
            whole = "it needs the whole picture at once" if op.kind in _WHOLE_PICTURE else "there is no such kernel"
            raise builder.refuse(op, whole, f"build the model from {', '.join(sorted(LOWERINGS))}")
        LOWERINGS[op.kind](builder, op)
    net = builder.net()
    if len(net.nodes) > 256:
        raise Unsupported(f"{graph.name} cannot be streamed: it has {len(net.nodes)} layers, and 256 is the most")
    return net
