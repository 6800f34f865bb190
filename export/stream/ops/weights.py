"""What the convolutions share: weights, bias, and the way from sums of products to output steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import LONGEST_SIDE, Builder, told_shape
from edgeblur.export.stream.net.fixed_point import clamp, fits_32_bits, quantize_multiplier
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.tflite.graph import Op


@dataclass(frozen=True, eq=False)
class Requantization:
    """Channel by channel, `sum * multiplier * 2**(shift - 31)`, then the zero point, then the activation's clamp.

    Attributes:
        multiplier: `[channels]` int32.
        shift: `[channels]` int8.
        zero_point: of the output.
        least, most: output steps that the fused activation lets pass.
    """

    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    zero_point: int
    least: int
    most: int

    def fields(self) -> Mapping[str, Field]:
        """Members that the structs of all convolutions begin with."""
        return {
            "multiplier": Array("multiplier", self.multiplier),
            "shift": Array("shift", self.shift),
            "out_zero_point": self.zero_point,
            "least": self.least,
            "most": self.most,
        }


def read_weights(builder: Builder, op: Op) -> NDArray[np.int8]:
    """A convolution's weights, its input 1: four axes.

    Raises:
        UserError: they are computed, not int8, or of another shape.
    """
    weights = builder.constant(op, 1, "int8")
    if weights.ndim != 4 or not 1 <= min(weights.shape) <= max(weights.shape) <= LONGEST_SIDE:
        told = f"its weights are {told_shape(weights.shape)}"
        raise builder.refuse(op, told, f"they should have four axes of 1 to {LONGEST_SIDE}")
    return weights


def read_bias(builder: Builder, op: Op, position: int, channels: int) -> NDArray[np.int32]:
    """An op's `[channels]` int32 bias; zeros if it has none.

    Raises:
        UserError: it is computed, of another type or of another length.
    """
    if builder.tensor(op, position) is None:
        return np.zeros(channels, np.int32)
    bias = builder.constant(op, position, "int32")
    if bias.shape != (channels,):
        raise builder.refuse(op, f"its bias has {bias.size} numbers for {channels} channels", "convert the model anew")
    return bias.astype(np.int32)


def requantization(
    builder: Builder, op: Op, taken: Plane, given: Plane, activation: str, *, axis: int = 0
) -> Requantization:
    """Read scales and activation of a convolution.

    Args:
        builder: of the net.
        op: the convolution.
        taken, given: its input and its output.
        activation: fused into it.
        axis: of the weights, that counts the output channels.

    Raises:
        UserError: the weights have zero points, or scales that do not belong to their output channels.
    """
    weights = builder.graph.tensors[op.inputs[1]]
    scales = weights.scales
    if len(scales) not in (1, given.channels) or any(weights.zero_points):
        told = f"its weights have {len(scales)} scales and zero points {sorted(set(weights.zero_points))[:3]}"
        raise builder.refuse(op, told, "quantize with one scale per output channel and zero point 0")
    if len(scales) > 1 and weights.quantized_dimension != axis:
        told = f"its scales belong to axis {weights.quantized_dimension} of its weights"
        raise builder.refuse(op, told, f"quantize along the output channels, axis {axis}")
    if not all(0 <= scale < math.inf for scale in scales):
        raise builder.refuse(op, "a scale of its weights is no positive number", "quantize the model anew")
    scales *= given.channels // len(scales)
    pairs = [quantize_multiplier(taken.scale * scale / given.scale) for scale in scales]
    multipliers, shifts = zip(*pairs, strict=True)
    least, most = clamp(builder.activation(op, activation), given)
    return Requantization(np.array(multipliers, np.int32), np.array(shifts, np.int8), given.zero_point, least, most)


def check_sum(
    builder: Builder, op: Op, bias: NDArray[np.int64], weights: NDArray[np.int8], scales: Requantization
) -> None:
    """Make sure that no sum can leave 32 bits on its way to an output step, which C leaves undefined.

    Args:
        builder: of the net.
        op: to name in a refusal.
        bias: `[channels]`, as the kernel adds it.
        weights: `[channels, products]`.
        scales: what the sums are multiplied by.

    Raises:
        UserError: one could.
    """
    worst = np.abs(bias) + np.abs(weights.astype(np.int64)).sum(axis=1) * 255
    numbers = zip(worst.tolist(), scales.multiplier.tolist(), scales.shift.tolist(), strict=True)
    if not all(fits_32_bits(*number) for number in numbers):
        raise builder.refuse(op, "its sums may leave 32 bits", "quantize it with a smaller bias or a larger scale")
