"""What a graph costs: multiply-accumulates and parameters, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.options import BatchMatMulOptions


@dataclass(frozen=True)
class LayerCost:
    """One op of a graph.

    Attributes:
        index: its place in `Graph.ops`.
        name: short, from the names the converter left (`enc1a`).
        kind: `CONV_2D`, ...
        shape: of its first output, `[N, H, W, C]` in image nets.
        macs: multiply-accumulates of one inference; 0 for ops without weights or products of tensors, None where
            edgeblur cannot count them.
        parameters: numbers in its weights and biases.
    """

    index: int
    name: str
    kind: str
    shape: tuple[int, ...]
    macs: int | None
    parameters: int


@dataclass(frozen=True)
class Cost:
    """A graph's layers and their sums; `macs` is None if one layer's are."""

    layers: tuple[LayerCost, ...]
    macs: int | None
    parameters: int


def _conv(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Weights `[out, h, w, in]`: each output number sums over a window of all input channels (of its group)."""
    return output.elements * math.prod(inputs[1].shape[1:])


def _depthwise(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Weights `[1, h, w, out]`: each output number sums over a window of one channel."""
    return output.elements * math.prod(inputs[1].shape[1:3])


def _transpose_conv(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Weights `[out, h, w, in]`: each input number is spread over a window of all output channels."""
    return inputs[2].elements * math.prod(inputs[1].shape[:3])


def _conv_3d(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Weights `[d, h, w, in, out]`."""
    return output.elements * math.prod(inputs[1].shape[:4])


def _fully_connected(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Weights `[out, in]`."""
    return output.elements * inputs[1].shape[-1]


def _batch_matmul(op: Op, inputs: list[Tensor], output: Tensor) -> int:
    """Each output number sums over the axis that the factors share."""
    transposed = isinstance(op.options, BatchMatMulOptions) and op.options.adj_x
    return output.elements * inputs[0].shape[-2 if transposed else -1]


_MACS: dict[str, Callable[[Op, list[Tensor], Tensor], int]] = {
    "BATCH_MATMUL": _batch_matmul,
    "CONV_2D": _conv,
    "CONV_3D": _conv_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
}

_UNCOUNTED = frozenset(
    {
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "CONV_3D_TRANSPOSE",
        "CUSTOM",
        "LSTM",
        "RNN",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)
"""They multiply and accumulate too, in ways nobody has needed to count here yet."""

_COMPUTE = frozenset({"BiasAdd", "Conv2D", "Conv2DBackpropInput", "MatMul", "conv2d_transpose", "depthwise"})


def is_parameter(tensor: Tensor) -> bool:
    """Whether a tensor holds weights or biases: constant, and float or quantized, which shapes and axes are not."""
    return tensor.data is not None and (bool(tensor.scales) or "float" in tensor.dtype)


def _inputs(graph: Graph, op: Op) -> list[Tensor]:
    return [graph.tensors[i] for i in op.inputs if i != ABSENT]


def layer_name(graph: Graph, op: Op) -> str:
    """A short name for an op: the Keras layer's, where the converter left it in a tensor's name, else the tensor's.

    The converter joins the names of what it fused: `unet/enc1a_relu/Relu;unet/enc1a/BiasAdd;unet/enc1a/Conv2D`.
    """
    outputs = [graph.tensors[i].name for i in op.outputs[:1]]
    weights = [t.name for t in _inputs(graph, op) if is_parameter(t)]
    parts = [part.split("/") for name in weights + outputs for part in name.split(";")]
    for part in parts:
        if len(part) > 1 and part[-1] in _COMPUTE:
            return part[-2]
    last = outputs[0].split(";")[0].split("/") if outputs else [""]
    if len(last) > 1:
        return last[-2]
    nameless = not last[0] or last[0].startswith("StatefulPartitionedCall")
    return op.kind.lower() if nameless else last[0]


def _layer(graph: Graph, op: Op) -> LayerCost:
    inputs = _inputs(graph, op)
    output = graph.tensors[op.outputs[0]] if op.outputs else None
    macs = None if op.kind in _UNCOUNTED else 0
    if op.kind in _MACS and output is not None:
        macs = _MACS[op.kind](op, inputs, output)
    parameters = sum(t.elements for t in inputs if is_parameter(t))
    return LayerCost(op.index, layer_name(graph, op), op.kind, output.shape if output else (), macs, parameters)


def cost(graph: Graph) -> Cost:
    """Count a graph's multiply-accumulates and parameters.

    Windows that hang over a border count whole, as in the figures of papers and of Keras. A constant that several ops
    share (tied weights, or zero biases that the converter merged) counts at each; a bias that the converter dropped
    because it was zero does not count.
    """
    layers = tuple(_layer(graph, op) for op in graph.ops)
    known = [layer.macs for layer in layers if layer.macs is not None]
    return Cost(
        layers=layers,
        macs=sum(known) if len(known) == len(layers) else None,
        parameters=sum(layer.parameters for layer in layers),
    )
