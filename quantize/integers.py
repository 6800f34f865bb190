"""A float .tflite as an int8 one: weights by channel, activations by the ranges that calibration found.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"; the
conventions are those of TensorFlow Lite's 8-bit specification. Beside TensorFlow's converter, which wants a net of its
own, this takes a .tflite, and each output may have a range that suits what is read of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import Unsupported
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.quantize.plain import with_numbers

_VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "ADD": 2, "MAX_POOL_2D": 2, "PAD": 2}
"""Ops that this can quantize, and their first version for int8 (by channel)."""
_KEEPS_SCALE = ("MAX_POOL_2D", "PAD")
_INPUT = 1 / 127
"""The scale of pictures from -1 to 1: 0 stays 0, so that what pads a border is what it was."""

Range = tuple[float, float]


def to_integers(graph: Graph, ranges: Mapping[int, Range]) -> Graph:
    """Quantize a net that takes a picture from -1 to 1.

    Args:
        graph: float, as `plain_graph` gives it.
        ranges: from where to where the output of each op goes, by tensor.

    Raises:
        Unsupported: it has an op that this cannot quantize.
    """
    if others := sorted({op.kind for op in graph.ops} - set(_VERSIONS)):
        raise Unsupported(f"{graph.name} has {', '.join(others)}: quantized are {', '.join(_VERSIONS)}")
    tensors = list(graph.tensors)
    tensors[graph.inputs[0]] = _scaled(tensors[graph.inputs[0]], _INPUT, 0)
    for op in graph.ops:
        output = op.outputs[0]
        if op.kind in _KEEPS_SCALE:
            source = tensors[op.inputs[0]]
            tensors[output] = _scaled(tensors[output], source.scales[0], source.zero_points[0])
        else:
            tensors[output] = _scaled(tensors[output], *steps_over(ranges[output]))
        if len(op.inputs) > 2 and op.inputs[2] != ABSENT:
            _quantize_weights(tensors, op)
    ops = tuple(replace(op, version=max(op.version, _VERSIONS[op.kind])) for op in graph.ops)
    return replace(graph, tensors=tuple(tensors), ops=ops)


def steps_over(wanted: Range) -> tuple[float, int]:
    """Scale and zero point of 256 steps over a range that has 0 in it."""
    low, high = wanted
    scale = float(np.float32(max(high - low, 1e-6) / 255))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def _scaled(tensor: Tensor, scale: float, zero_point: int) -> Tensor:
    return replace(
        tensor, dtype="int8", scales=(float(np.float32(scale)),), zero_points=(zero_point,), quantized_dimension=0
    )


def _quantize_weights(tensors: list[Tensor], op: Op) -> None:
    """Weights of a convolution by output channel, without zero points; its bias in steps of input times weight."""
    source, weights, bias = (tensors[index] for index in op.inputs[:3])
    axis = 0 if op.kind == "CONV_2D" else 3
    numbers = weights.array()
    others = tuple(i for i in range(4) if i != axis)
    scales = (np.maximum(np.abs(numbers).max(axis=others), 1e-9) / 127).astype(np.float32)
    along = scales.reshape([-1 if i == axis else 1 for i in range(4)])
    steps = np.clip(np.rint(numbers / along), -127, 127)
    of_bias = scales * np.float32(source.scales[0])
    tensors[weights.index] = _by_channel(with_numbers(weights, steps, "int8"), scales, axis)
    tensors[bias.index] = _by_channel(with_numbers(bias, _int32(bias.array() / of_bias), "int32"), of_bias, 0)


def _int32(steps: NDArray[Any]) -> NDArray[np.int32]:
    limits = np.iinfo(np.int32)
    clipped: NDArray[np.int32] = np.clip(np.rint(steps.astype(np.float64)), limits.min, limits.max).astype(np.int32)
    return clipped


def _by_channel(tensor: Tensor, scales: NDArray[np.float32], axis: int) -> Tensor:
    return replace(tensor, scales=tuple(scales.tolist()), zero_points=(0,) * len(scales), quantized_dimension=axis)


def with_bias_moved(graph: Graph, op: Op, real: NDArray[Any]) -> Graph:
    """An int8 net with the output of one convolution raised in each channel, by a real number."""
    bias = graph.tensors[op.inputs[2]]
    steps = _int32(bias.array() + np.asarray(real, np.float64) / np.array(bias.scales))
    moved = replace(with_numbers(bias, steps, "int32"), scales=bias.scales, zero_points=bias.zero_points)
    return replace(graph, tensors=tuple(moved if t.index == bias.index else t for t in graph.tensors))


def real_numbers(steps: NDArray[Any], tensor: Tensor) -> NDArray[np.float32]:
    """A quantized tensor's steps as what they stand for."""
    return (steps.astype(np.float32) - tensor.zero_points[0]) * np.float32(tensor.scales[0])


def as_steps(real: NDArray[Any], tensor: Tensor) -> NDArray[Any]:
    """Real numbers as a quantized tensor's steps, those beyond its ends at its ends."""
    limits = np.iinfo(tensor.dtype)
    steps = np.rint(real / np.float32(tensor.scales[0])) + tensor.zero_points[0]
    clipped: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(tensor.dtype)
    return clipped
