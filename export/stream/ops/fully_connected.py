"""FULLY_CONNECTED on the channels of each pixel: a 1x1 convolution, but for LiteRT's rounding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import LONGEST_SIDE, Builder, told_shape
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import FullyConnectedOptions


@dataclass(frozen=True, eq=False)
class FullyConnected(Operation):
    """Each pixel's channels times a matrix.

    Attributes:
        weights: `[out, in]` int8.
        bias: `[out]` int32, the input's zero point folded in.
        requantization: from sums to output steps.
    """

    kernel = "fully_connected"
    label = "FULLY_CONNECTED"
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    requantization: Requantization

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "width": output.width,
            "in_channels": inputs[0].channels,
            "out_channels": output.channels,
        }

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        return output.width * self.weights.size

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        return {**pointwise(layer), "products": layer.pixels * self.weights.size}


def lower(builder: Builder, op: Op) -> None:
    """Add a FULLY_CONNECTED."""
    options, weights = builder.options(op, FullyConnectedOptions), builder.constant(op, 1, "int8")
    source, taken, given = builder.source(op, 0), *(builder.plane(op, i) for i in (op.inputs[0], op.outputs[0]))
    if weights.ndim != 2 or weights.shape[1] != taken.channels or not 1 <= len(weights) <= LONGEST_SIDE:
        told = f"its weights are {told_shape(weights.shape)}, and its input has {taken.channels} channels"
        raise builder.refuse(op, told, "it should work on the channels of each pixel")
    builder.expect_output(op, taken.height, taken.width, len(weights))
    bias = read_bias(builder, op, 2, len(weights))
    folded = bias.astype(np.int64) - taken.zero_point * weights.sum(axis=1, dtype=np.int64)
    scales = requantization(builder, op, taken, given, options.activation)
    check_sum(builder, op, folded, weights, scales)
    worst = np.abs(folded) + 128 * np.abs(weights.astype(np.int64)).sum(axis=1)
    if (worst * scales.multiplier / 2.0 ** (31 - scales.shift.astype(float)) >= 2**31 - 256).any():
        raise builder.refuse(op, "its sums may leave 32 bits", "quantize it with a larger output scale")
    builder.add(op, FullyConnected(weights, folded.astype(np.int32), scales), (source,))
