"""What is said about a model that cannot be streamed: every fault, its place, and one thing to do about each."""

from __future__ import annotations

from collections.abc import Sequence

from edgeblur.errors import Unsupported
from edgeblur.export.stream.net.builder import RefusedError
from edgeblur.export.stream.net.net import WIDE
from edgeblur.export.tflite.cost import layer_name
from edgeblur.export.tflite.graph import Graph, Op
from edgeblur.export.tflite.options import CustomOptions

_MOST_TOLD = 8
"""Faults that are spelled out; a file with more has one cause, seen often."""

_ADVICE = {
    "LSTM": ("it keeps a state from one picture to the next", "use convolutions"),
    "BATCH_MATMUL": ("it multiplies two planes as matrices", "attention needs the whole picture at once: take it out"),
    "TOPK_V2": ("it sorts channels", "end the model before it, and sort on the board"),
    "CONV_3D": ("it works on volumes", "use CONV_2D"),
    "LOCAL_RESPONSE_NORMALIZATION": (
        "LiteRT has no integer kernel for it",
        "use batch normalization, which folds away",
    ),
    "CUMSUM": ("LiteRT has no integer kernel for it", "take it out of the model"),
    "WHILE": ("it is a loop", "unroll it when you convert the model"),
    "IF": ("it is a branch", "take it out when you convert the model"),
    "NON_MAX_SUPPRESSION_V4": ("it sorts boxes", "end the model before it, and sort on the board"),
    "NON_MAX_SUPPRESSION_V5": ("it sorts boxes", "end the model before it, and sort on the board"),
}


def advice(graph: Graph, op: Op) -> tuple[str, str]:
    """What is wrong with an op that has no kernel, and what to do instead."""
    if isinstance(op.options, CustomOptions):
        if op.options.code == "ethos-u":
            return "the file is compiled for an Ethos-U", "give the .tflite that went into the Vela compiler"
        return f"it is the custom op {op.options.code!r}", "convert the model with TensorFlow Lite's own ops only"
    floats = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0 and "float" in graph.tensors[i].dtype]
    if op.kind in _ADVICE:
        return _ADVICE[op.kind]
    if floats:
        return f"it computes in {floats[0].dtype}", _quantized(graph)
    if graph.tensors[op.outputs[0]].dtype == WIDE:
        return "there is no kernel of 16 bits for it", "docs/operators.md lists those that there are: take 8 bits"
    return "there is no such kernel", "docs/operators.md lists those that there are"


def refuse_float_picture(graph: Graph) -> None:
    """Say which ops compute with the picture in floats, where others read it quantized.

    Raises:
        Unsupported: there are such.
    """
    readers = [op for op in graph.ops if graph.inputs[0] in op.inputs]
    plain = [f"op {op.index} ({op.kind} {layer_name(graph, op)!r})" for op in readers if op.kind != "QUANTIZE"]
    if plain and len(plain) < len(readers):
        what = f"{' and '.join(plain)} computes with the picture in {graph.tensors[graph.inputs[0]].dtype}"
        raise Unsupported(f"{graph.name} cannot be streamed: {what}; {_quantized(graph)}")


def _quantized(graph: Graph) -> str:
    """How to come by an integer model; one that is quantized in part was given to a converter that left an op out."""
    if any(tensor.dtype == "int8" and tensor.scales and tensor.data is None for tensor in graph.tensors):
        return "its converter left it in floats: replace it by an op that has an int8 kernel"
    return "quantize the model with `edgeblur quantize --int8`, or its own converter to full int8"


def told(graph: Graph, faults: Sequence[RefusedError]) -> str:
    """All faults of a model as one message."""
    start = f"{graph.name} cannot be streamed: "
    if len(faults) == 1:
        return start + faults[0].sentence
    lines = [f"\n  {fault.sentence}" for fault in faults[:_MOST_TOLD]]
    more = len(faults) - _MOST_TOLD
    return (
        f"{start}{len(faults)} of its ops stand in the way"
        + "".join(lines)
        + (f"\n  and {more} more" if more > 0 else "")
    )
