"""QUANTIZE, RELU, RELU6 and LEAKY_RELU of 16-bit planes: each number times a factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import clamp, fits_32_bits, quantize_multiplier, scale_ratio
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import LeakyReluOptions

KINDS = ("LEAKY_RELU", "QUANTIZE", "RELU", "RELU6")

Factor = tuple[int, int]
"""Multiplier and shift, as `requantize` in kernels/common.h takes them."""

_LARGEST = 2**15
"""Of a 16-bit number, without its sign."""


@dataclass(frozen=True, eq=False)
class RequantizeInt16(Operation):
    """Each number times a factor, and between bounds.

    Attributes:
        label: the op's kind.
        factor, negative: of numbers from 0 on, and of those below.
        least, most: output steps that pass.
    """

    kernel = "requantize_int16"
    label = "QUANTIZE"
    factor: Factor
    negative: Factor
    least: int
    most: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "size": output.width * output.channels,
            "multiplier": self.factor[0],
            "negative_multiplier": self.negative[0],
            "shift": self.factor[1],
            "negative_shift": self.negative[1],
            "least": self.least,
            "most": self.most,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        bounded = (self.least, self.most) != (-_LARGEST, _LARGEST - 1)
        return {
            "rows": output.height,
            "elements": layer.elements,
            "bounded": layer.elements * bounded,
            "branches": layer.elements * (self.factor != self.negative),
        }


def lower(builder: Builder, op: Op) -> None:
    """Add one of these."""
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    builder.expect_output(op, taken.height, taken.width, taken.channels)
    slope = builder.options(op, LeakyReluOptions).alpha if op.kind == "LEAKY_RELU" else 1.0
    if slope < 0:
        raise builder.refuse(op, f"its slope below zero is {slope:g}", "make it 0 or more")
    # TensorFlow Lite divides in float64 for QUANTIZE, and in float32 for the others.
    real = taken.scale / given.scale if op.kind == "QUANTIZE" else scale_ratio(taken.scale, over=given.scale)
    below = scale_ratio(taken.scale, slope, over=given.scale) if op.kind == "LEAKY_RELU" else real
    factors = quantize_multiplier(real), quantize_multiplier(below)
    if not all(fits_32_bits(2**15, *factor) and factor[1] <= 15 for factor in factors):
        told = f"its output's scale {given.scale:g} is too small for its input's"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    limits = clamp(op.kind if op.kind.startswith("RELU") else "NONE", given)
    builder.add(op, RequantizeInt16(*factors, *limits), (source,))
