"""SOFTMAX over the channels of each pixel.

Source: reference_ops::Softmax in tensorflow/lite/kernels/internal/reference/softmax.h, and gemmlowp's fixed-point
functions. The exponential of each difference to the largest channel is one of 256 numbers, computed here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import quantize_multiplier
from edgeblur.export.stream.net.layer import Layer, Work, pointwise
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import SoftmaxOptions

_INTEGER_BITS = 5
"""Of a difference in fixed point."""

_EXP_OF_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-1/4), exp(-1/2), exp(-1), ... exp(-16) with 31 fractional bits."""

_MOST_CHANNELS = 2**11
"""LiteRT's sum of exponentials has 12 bits before the point."""


@dataclass(frozen=True, eq=False)
class Softmax(Operation):
    """Exponentials over their sum.

    Attributes:
        exponentials: `[256]` int32 with 31 fractional bits: of each difference to the largest step, 0 to 255.
    """

    kernel = "softmax"
    label = "SOFTMAX"
    exponentials: NDArray[np.int32]

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "exponentials": Array("exponentials", self.exponentials),
            "width": output.width,
            "channels": output.channels,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return pointwise(Layer(self, tuple(inputs), output))


def rounding_high(a: int, b: int) -> int:
    """`a * b / 2**31`, rounded as gemmlowp's SaturatingRoundingDoublingHighMul."""
    if a == b == -(2**31):
        return 2**31 - 1
    product = a * b
    nudged = product + (2**30 if product >= 0 else 1 - 2**30)
    return int(math.copysign(abs(nudged) >> 31, nudged))


def _rounding_shift(value: int, bits: int) -> int:
    """`value / 2**bits`, halves away from zero (RoundingDivideByPOT)."""
    mask = (1 << bits) - 1
    return (value >> bits) + ((value & mask) > (mask >> 1) + (value < 0))


def _saturating_left(value: int, bits: int) -> int:
    return max(-(2**31), min(2**31 - 1, value << bits))


def _exp_near_zero(a: int) -> int:
    """exp(a) for a in [-1/4, 0), 31 fractional bits both: a Taylor polynomial around -1/8."""
    x = a + (1 << 28)
    x2 = rounding_high(x, x)
    x3, x4 = rounding_high(x2, x), rounding_high(x2, x2)
    tail = rounding_high(_rounding_shift(x4, 2) + x3, 715827883) + x2
    return 1895147668 + rounding_high(1895147668, x + _rounding_shift(tail, 1))


def exp_on_negative(a: int) -> int:
    """exp(a) with 31 fractional bits, of a number with 26 (gemmlowp's exp_on_negative_values)."""
    if a == 0:
        return 2**31 - 1
    fraction_bits = 31 - _INTEGER_BITS
    quarter = 1 << (fraction_bits - 2)
    below = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(_saturating_left(below, _INTEGER_BITS))
    rest = below - a
    for i, factor in enumerate(_EXP_OF_POWERS):
        if rest & (1 << (fraction_bits - 2 + i)):
            result = rounding_high(result, factor)
    return result


def exponentials(scale: float, beta: float) -> NDArray[np.int32]:
    """By difference to the largest step, as PreprocessSoftmaxScaling and Softmax compute them; 0 where they skip it."""
    real = min(float(np.float32(beta)) * float(np.float32(scale)) * (1 << (31 - _INTEGER_BITS)), 2.0**31 - 1)
    multiplier, shift = quantize_multiplier(real)
    radius = math.floor(((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / (1 << shift))
    values = np.zeros(256, np.int32)
    for difference in range(min(radius, 255) + 1):
        values[difference] = exp_on_negative(rounding_high(-difference * (1 << shift), multiplier))
    return values


def lower(builder: Builder, op: Op) -> None:
    """Add a SOFTMAX."""
    beta = builder.options(op, SoftmaxOptions).beta
    source, taken, given = builder.source(op, 0), *(builder.plane(op, i) for i in (op.inputs[0], op.outputs[0]))
    builder.expect_output(op, taken.height, taken.width, taken.channels)
    if (given.scale, given.zero_point) != (1 / 256, -128):
        told = f"its output has scale {given.scale:g} and zero point {given.zero_point}"
        raise builder.refuse(op, told, "LiteRT takes 1/256 and -128 only: convert the model anew")
    if not beta * taken.scale >= 2.0 ** (_INTEGER_BITS - 31) or taken.channels > _MOST_CHANNELS:
        told = f"its input has scale {taken.scale:g} and {taken.channels} channels"
        raise builder.refuse(op, told, f"scales go from 2^-26, channels to {_MOST_CHANNELS}")
    builder.add(op, Softmax(exponentials(taken.scale, beta)), (source,))
