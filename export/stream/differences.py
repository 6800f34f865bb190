"""Where the streaming engine gives other bytes than LiteRT's reference kernels, and means to."""

from __future__ import annotations

from edgeblur.export.tflite.graph import Graph


def differences(graph: Graph) -> tuple[str, ...]:
    """Half a sentence for each layer whose bytes may differ; none if all are equal."""
    return tuple(
        f"op {op.index} (SUM {graph.tensors[op.outputs[0]].name!r}) saturates as in TensorFlow Lite Micro, where "
        "LiteRT's reference kernel wraps around in 8 bits"
        for op in graph.ops
        if op.kind == "SUM" and graph.tensors[op.inputs[0]].dtype in ("int8", "uint8")
    )
