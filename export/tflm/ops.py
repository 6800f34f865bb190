"""What a TensorFlow Lite Micro project needs beside the model: its ops to register, its arena, its quantization."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgeblur.export.c_array import Provenance, comment_safe, render
from edgeblur.export.tflite.graph import Graph, Tensor
from edgeblur.export.tflite.options import CustomOptions
from edgeblur.export.tflm.arena import Arena, measure_arena, record_arena

__all__ = ["measure_arena", "missing_kernels", "record_arena", "resolver_methods", "tflm_header"]

_METHODS = """
    Abs Add AddN ArgMax ArgMin AssignVariable AveragePool2D BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo
    CallOnce Cast Ceil Concatenation Conv2D Cos CumSum DepthToSpace DepthwiseConv2D Dequantize Div DynamicUpdateSlice
    Elu EmbeddingLookup Equal Exp ExpandDims Fill Floor FloorDiv FloorMod FullyConnected Gather GatherNd Greater
    GreaterEqual HardSwish If L2Normalization L2Pool2D LeakyRelu Less LessEqual Log LogicalAnd LogicalNot LogicalOr
    Logistic LogSoftmax Maximum MaxPool2D Mean Minimum MirrorPad Mul Neg NotEqual Pack Pad PadV2 Prelu Quantize
    ReadVariable ReduceAll ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round
    Rsqrt SelectV2 Shape Sin Slice Softmax SpaceToBatchNd SpaceToDepth Split SplitV Sqrt Square SquaredDifference
    Squeeze StridedSlice Sub Sum Svdf Tanh Transpose TransposeConv UnidirectionalSequenceLSTM Unpack VarHandle While
    ZerosLike
"""
"""MicroMutableOpResolver's methods without their `Add` (tensorflow/lite/micro/micro_mutable_op_resolver.h)."""

_BY_KIND = {name.lower(): f"Add{name}" for name in _METHODS.split()}

_NOT_OF_16_BITS = {"RESIZE_BILINEAR"}
"""Ops that it has, but stops at while running where planes are int16 (its wheel of 2025 was asked)."""

_C_TYPES = {"float32": "float", "int8": "std::int8_t", "int16": "std::int16_t", "uint8": "std::uint8_t"}


@dataclass(frozen=True)
class End:
    """One input or output as the header's constants: `prefix` is kInput, kOutput, kInput0, ..."""

    prefix: str
    c_type: str
    elements: int
    size: tuple[tuple[str, int], ...]
    scale: str | None
    zero_point: int | None


def _kinds(graph: Graph) -> list[str]:
    """The kinds of op in a graph, once each, in alphabetical order; a custom one with its own name."""
    return sorted({op.options.code if isinstance(op.options, CustomOptions) else op.kind for op in graph.ops})


def resolver_methods(graph: Graph) -> list[str]:
    """The resolver's methods to call for a graph: `AddConv2D`, ..."""
    return [method for kind in _kinds(graph) if (method := _BY_KIND.get(kind.replace("_", "").lower()))]


def missing_kernels(graph: Graph) -> list[str]:
    """The kinds of op that TensorFlow Lite Micro has no kernel for, custom ones included."""
    wide = {op.kind for op in graph.ops if graph.tensors[op.outputs[0]].dtype == "int16"} & _NOT_OF_16_BITS
    return [kind for kind in _kinds(graph) if kind in wide or kind.replace("_", "").lower() not in _BY_KIND]


def c_float(value: float) -> str:
    """A float32 as a C constant that reads back as the same 32 bits."""
    text = f"{value:.9g}"
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"


def _end(prefix: str, tensor: Tensor) -> End:
    axes = ("Height", "Width", "Channels")
    quantized = len(tensor.scales) == 1 and math.isfinite(tensor.scales[0])
    return End(
        prefix=prefix,
        c_type=_C_TYPES.get(tensor.dtype, ""),
        elements=tensor.elements,
        size=tuple(zip(axes, tensor.shape[1:], strict=True)) if len(tensor.shape) == 4 else (),
        scale=c_float(tensor.scales[0]) if quantized else None,
        zero_point=tensor.zero_points[0] if quantized else None,
    )


def _ends(graph: Graph, name: str, indices: tuple[int, ...]) -> list[End]:
    prefixes = [f"k{name}"] if len(indices) == 1 else [f"k{name}{i}" for i in range(len(indices))]
    return [_end(prefix, graph.tensors[i]) for prefix, i in zip(prefixes, indices, strict=True)]


def tflm_header(provenance: Provenance, arena: Arena) -> str:
    """The C++ header of a model for TensorFlow Lite Micro.

    It holds `RegisterOps(resolver)` for exactly the ops of the model, `kArenaBytes` if it could be measured, and shape,
    scale and zero point of each input and output. An op without a kernel there becomes an `#error`.
    """
    graph = provenance.graph
    return render(
        "tflm.h.j2",
        name=provenance.name,
        lines=provenance.lines,
        methods=resolver_methods(graph),
        missing=[comment_safe(kind) for kind in missing_kernels(graph)],
        arena=arena,
        ends=_ends(graph, "Input", graph.inputs) + _ends(graph, "Output", graph.outputs),
    )
