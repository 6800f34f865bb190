"""What convolutions of 16-bit planes share: biases of 64 bits, and the way from sums to output steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.weights import requantization
from edgeblur.export.tflite.graph import Op

_LARGEST = 2**15
"""Of a 16-bit number, without its sign."""

_REDUCED = 0x7FFF
"""The largest multiplier that TensorFlow Lite leaves of 32 bits."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of products in 16 bits, and how they become output steps; kernels/common_int16.h does it.

    TensorFlow Lite adds up in 64 bits, and takes 16 bits of a scale's multiplier. Where no sum can leave 32 bits,
    kernels add up in 32: the same numbers in fewer instructions.

    Attributes:
        bias: `[channels]` int64.
        multiplier: `[channels]`, 16 bits; where sums are narrow, shifted to the left so that 32 bits are dropped.
        shift: `[channels]`, to the right; where sums are narrow, beyond those 32 bits.
        narrow: whether all sums keep to 32 bits.
        least, most: output steps that the fused activation lets pass.
    """

    bias: NDArray[np.int64]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    narrow: bool
    least: int
    most: int

    def fields(self) -> Mapping[str, Field]:
        """Members of the struct of a kernel that can add up either way."""
        return {
            "bias": Array("bias", self.bias.astype(np.int32)) if self.narrow else None,
            "wide_bias": None if self.narrow else Array("bias", self.bias),
            **self.scale_fields(),
        }

    def scale_fields(self) -> Mapping[str, Field]:
        """Members of every kernel's struct."""
        return {
            "multiplier": Array("multiplier", self.multiplier),
            "shift": Array("shift", self.shift),
            "least": self.least,
            "most": self.most,
        }

    def repeated(self, times: int) -> Sums:
        """Of so many times the channels."""
        bias, multiplier, shift = self.bias, self.multiplier, self.shift
        return replace(
            self, bias=np.tile(bias, times), multiplier=np.tile(multiplier, times), shift=np.tile(shift, times)
        )


def read_sums(
    builder: Builder, op: Op, planes: tuple[Plane, Plane], weights: NDArray[np.int8], activation: str, *,
    bias_at: int, axis: int = 0, wide: bool = False,
) -> Sums:  # fmt: skip
    """A convolution's bias and scales.

    Args:
        builder: of the net.
        op: the convolution.
        planes: its input and its output.
        weights: `[channels, products]`.
        activation: fused into it.
        bias_at: which input the bias is.
        axis: of the weights in the file, that counts the output channels.
        wide: for a kernel that always adds up in 64 bits.

    Raises:
        UserError: the bias is not int64 or has another length, scales do not belong to the channels, or a sum could
            leave what TensorFlow Lite's kernels take.
    """
    scales = requantization(builder, op, *planes, activation, axis=axis)
    bias = _read_bias(builder, op, bias_at, len(weights))
    worst = np.array([abs(int(b)) for b in bias.tolist()], np.float64)
    worst += np.abs(weights.astype(np.int64)).sum(axis=1) * _LARGEST
    real = scales.multiplier / 2.0**31 * 2.0 ** scales.shift.astype(np.float64)
    if worst.max() >= 2**47 or scales.shift.max() > 7 or (worst * real).max() >= 2**31 - 2**17:
        told = "its sums may leave 47 bits, or 32 as output steps"
        raise builder.refuse(op, told, "quantize it with a smaller bias or a larger scale")
    reduced = np.minimum((scales.multiplier.astype(np.int64) + 2**15) >> 16, _REDUCED)
    right = 15 - scales.shift.astype(np.int64)
    right[reduced == 0] = 32
    narrow = not wide and bool(worst.max() < 2**31 and right.min() > 16)
    if narrow:
        reduced, right = reduced << np.maximum(32 - right, 0), np.maximum(right - 32, 0)
    return Sums(bias, reduced.astype(np.int32), right.astype(np.int8), narrow, scales.least, scales.most)


def _read_bias(builder: Builder, op: Op, position: int, channels: int) -> NDArray[np.int64]:
    """Zeros if the op has none."""
    tensor = builder.tensor(op, position)
    if tensor is None:
        return np.zeros(channels, np.int64)
    if tensor.dtype == "int32":
        told = f"its bias {tensor.name!r} is int32"
        raise builder.refuse(op, told, "quantize it with TensorFlow's converter, whose biases are int64 beside 16 bits")
    bias = builder.constant(op, position, "int64")
    if bias.shape != (channels,):
        raise builder.refuse(op, f"its bias has {bias.size} numbers for {channels} channels", "convert the model anew")
    return bias.astype(np.int64)
