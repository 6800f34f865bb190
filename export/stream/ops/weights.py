"""What the convolutions share: weights, bias, and the way from sums of products to output steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.builder import Builder
from edgeblur.export.stream.fixed_point import clamp, quantize_multiplier
from edgeblur.export.stream.net import Array, Field, Plane
from edgeblur.export.tflite import Op


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


def requantization(
    builder: Builder, op: Op, taken: Plane, given: Plane, activation: str, *, at: int = 1
) -> Requantization:
    """Read scales and activation of a convolution whose weights are input `at`.

    Raises:
        UserError: the weights have zero points, or scales that do not belong to their output channels.
    """
    weights = builder.tensor(op, at)
    assert weights is not None
    if len(weights.scales) not in (1, given.channels) or any(weights.zero_points):
        told = f"its weights have {len(weights.scales)} scales and zero points {sorted(set(weights.zero_points))[:3]}"
        raise builder.refuse(op, told, "quantize with one scale per output channel and zero point 0")
    if taken.dtype != "int8" or given.dtype != "int8":
        raise builder.refuse(op, f"it computes from {taken.dtype} to {given.dtype}", "quantize it to int8")
    scales = weights.scales * (given.channels // len(weights.scales))
    pairs = [quantize_multiplier(taken.scale * scale / given.scale) for scale in scales]
    multipliers, shifts = zip(*pairs, strict=True)
    least, most = clamp(builder.activation(op, activation), given)
    return Requantization(np.array(multipliers, np.int32), np.array(shifts, np.int8), given.zero_point, least, most)


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


def check_sum(builder: Builder, op: Op, bias: NDArray[np.int64], weights: NDArray[np.int8]) -> None:
    """Make sure that no sum can leave 32 bits, which C leaves undefined.

    Args:
        bias: `[channels]`, as the kernel adds it.
        weights: `[channels, products]`.

    Raises:
        UserError: one could.
    """
    worst = np.abs(bias) + np.abs(weights.astype(np.int64)).sum(axis=1) * 255
    if worst.max(initial=0) >= 2**31:
        raise builder.refuse(op, "its sums may leave 32 bits", "quantize it with a smaller bias")
