"""TensorFlow Lite's arithmetic on quantization parameters, done once here so that the C needs integers only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.stream.net.net import Plane


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A positive real factor as `multiplier * 2**(shift - 31)`, as TensorFlow Lite's QuantizeMultiplier gives it.

    Source: tensorflow/lite/kernels/internal/quantization_util.cc.

    Returns:
        A multiplier of 31 bits and a shift of -31 to 30.
    """
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)  # TfLiteRound: halves away from zero, and all are positive
    if multiplier == 2**31:
        multiplier, shift = multiplier // 2, shift + 1
    if shift < -31:
        return 0, 0
    return (2**31 - 1, 30) if shift > 30 else (multiplier, shift)


def requantized(sums: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.int64]:
    """`requantize` of kernels/common.h for many sums, none of which leaves 32 bits on its way."""
    wide = sums << max(shift, 0)
    high = (wide * multiplier + 2**30) >> 31
    right = max(-shift, 0)
    mask = (1 << right) - 1
    result: NDArray[np.int64] = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
    return result


def fits_32_bits(worst: float, multiplier: int, shift: int) -> bool:
    """Whether numbers up to `worst` can be requantized, and a zero point added, without undefined behaviour in C.

    The shift to the left may wrap around (see kernels/common.h). The result stays below the multiplier then, and with a
    zero point of 8 bits below 2**31, unless the multiplier itself is as good as that.
    """
    limit = 2**31 - 256
    return worst < limit and (multiplier < limit or worst * 2.0 ** max(shift, 0) < limit)


def scale_ratio(*scales: float, over: float) -> float:
    """The product of scales over another one, in float32, as TensorFlow Lite computes it for MUL and PRELU."""
    product = np.float32(1)
    with np.errstate(all="ignore"):
        for scale in scales:
            product = product * np.float32(scale)
        return min(float(product / np.float32(over)), 2.0**127)  # infinity is refused as any number of this size


def _quantize(real: float, plane: Plane) -> int:
    """A real number as a step of a plane, rounded as TensorFlow Lite does: in float32, halves away from zero."""
    with np.errstate(over="ignore", divide="ignore"):
        steps = np.float32(real) / np.float32(plane.scale)
    if not abs(steps) < 2**31:
        raise UserError(
            f"{plane.name} cannot be streamed: in steps of {plane.scale:g}, its activation's bound of {real:g} leaves "
            "32 bits, and TensorFlow Lite refuses it too: quantize the model anew"
        )
    return plane.zero_point + int(math.copysign(math.floor(abs(float(steps)) + 0.5), steps))


_CLAMPS: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}

ACTIVATIONS = tuple(_CLAMPS)
"""Activations that TensorFlow Lite's integer kernels can fuse."""


def clamp(activation: str, plane: Plane) -> tuple[int, int]:
    """The smallest and largest step that a fused activation lets pass (CalculateActivationRangeQuantized).

    Raises:
        UserError: a bound is more steps than 32 bits count.
    """
    low, high = _CLAMPS[activation]
    limits = np.iinfo(plane.dtype)
    least = limits.min if low is None else max(limits.min, _quantize(low, plane))
    most = limits.max if high is None else min(limits.max, _quantize(high, plane))
    return int(least), int(most)


def windows_along(padding: str, size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """How many windows fit along an axis (ComputeOutSize in tensorflow/lite/kernels/padding.h); below 1 if none."""
    if padding == "VALID":
        size -= (kernel - 1) * dilation
    return -(-size // stride)


def padding_before(padding: str, size: int, output: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Rows or columns of padding on top or at the left (ComputePadding in tensorflow/lite/kernels/padding.h)."""
    if padding == "VALID":
        return 0
    return max((output - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2
