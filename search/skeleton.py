"""A mask head as an int8 graph with random weights, without Keras and a converter: in milliseconds, not seconds.

What it costs goes by shapes alone, so the compiler says of it what it will say of the trained net. The ops are those
that TensorFlow's converter makes of `build_mask_head`, in another order where that makes no difference; a test holds
the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgeblur.distill.nets.mask_head import SHRINK, MaskSpec
from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.options import (
    AddOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    MulOptions,
    Options,
    Pool2DOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SubOptions,
    TransposeConvOptions,
)

_STEP = 0.05  # of a feature map: any scale costs the same
_ZERO = -128  # of a ReLU's output, and of a picture
_WEIGHT_STEP = 0.01


def skeleton(spec: MaskSpec) -> Graph:
    """The graph of a mask head, `[1, height, width, 3]` to the same shape, int8.

    Raises:
        ValueError: one whose mask or blur is made in a way that no search asks for.
    """
    if spec.dilate or spec.smooth:
        raise ValueError("a skeleton has no grown mask and no smoothed means")
    net = _Building()
    picture = net.plane((1, spec.height, spec.width, 3), 1 / 255)
    mask = net.op("LOGISTIC", [_logit(net, _trunk(net, picture, spec), spec)], 1, 1 / 256)
    alpha = net.conv(mask, 1, 1, activation="RELU6")
    alpha = net.resized("RESIZE_BILINEAR", net.conv(alpha, 3, 1, activation="NONE"), SHRINK)
    step = spec.pool // spec.overlap
    pool = Pool2DOptions("SAME", step, step, spec.pool, spec.pool, "NONE")
    means = net.op("AVERAGE_POOL_2D", [picture], 3, 1 / 255, pool, shrink=step)
    blurred = net.resized("RESIZE_BILINEAR", means, step)
    change = net.op("SUB", [blurred, picture], 3, 2 / 255, SubOptions("NONE"), zero=0)
    shown = net.op("MUL", [alpha, change], 3, 2 / 255, MulOptions("NONE"), zero=0)
    return net.graph(picture, net.op("ADD", [picture, shown], 3, 1 / 255, AddOptions("NONE")))


def _trunk(net: _Building, picture: int, spec: MaskSpec) -> int:
    """The features that the mask is made of, as `mask_head._mask` builds them."""
    half, *filters, deepest = spec.filters
    first, stride = (half, 2) if half else (filters[0], SHRINK)
    x = net.conv(picture, first, spec.stem, stride)
    skips = []
    for level, width in enumerate(filters):
        for number in range(int(level == 0 and not half), spec.convs[level]):
            x = net.block(x, width, 1 if number else 2, separable=spec.separable)
        skips.append(x)
    for number in range(spec.convs[-1]):
        x = net.block(x, deepest, 1 if number else 2, separable=spec.separable)
    for level in range(1, spec.finest - 2, -1):
        x = net.resized("RESIZE_NEAREST_NEIGHBOR", net.conv(x, filters[level], 1, activation="NONE"), 2)
        x = net.op("ADD", [x, skips[level]], filters[level], _STEP, AddOptions("NONE"))
        x = net.block(x, filters[level], 1, separable=spec.separable)
    for _ in range(1, spec.fine):
        x = net.block(x, filters[spec.finest - 1], 1, separable=spec.separable)
    return x


def _logit(net: _Building, x: int, spec: MaskSpec) -> int:
    return net.conv(x, 1, 1, activation="NONE") if spec.finest == 1 else net.spread(x)


@dataclass
class _Building:
    """A graph in the making; tensors go by their index."""

    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def _tensor(self, shape: Any, dtype: str, scales: Any, zero: int, data: bytes | None) -> int:
        index, shape = len(self.tensors), tuple(int(side) for side in shape)
        # Decimal fractions are not float32 numbers, and a file holds those.
        scales = tuple(float(np.float32(scale)) for scale in scales)
        self.tensors.append(Tensor(index, f"t{index}", shape, shape, dtype, scales, (zero,) * len(scales), 0, data))
        return index

    def plane(self, shape: Any, scale: float, zero: int = _ZERO) -> int:
        """A tensor that an op writes."""
        return self._tensor(shape, "int8", [scale], zero, None)

    def _numbers(self, values: Any, scales: Any = ()) -> int:
        return self._tensor(values.shape, values.dtype.name, scales, 0, values.tobytes())

    def _weights(self, source: int, shape: tuple[int, ...], channels: int) -> tuple[int, int]:
        """Kernel and bias, of one scale a channel."""
        weights = self.random.integers(-127, 128, shape).astype(np.int8)
        scales = self.random.uniform(0.5, 2, channels) * _WEIGHT_STEP  # all alike, they would be stored once
        sums = self.tensors[source].scales[0] * scales
        return self._numbers(weights, scales), self._numbers(np.zeros(channels, np.int32), sums)

    def op(
        self, kind: str, inputs: list[int], channels: int, scale: float = _STEP, options: Options | None = None,
        *, shrink: int = 1, grow: int = 1, zero: int = _ZERO, extra: tuple[int, ...] = (), version: int = 2,
    ) -> int:  # fmt: skip
        """An op with one output, `shrink` times smaller or `grow` times larger than its first input."""
        _, height, width, _ = self.tensors[inputs[0]].shape
        sides = (-(-side // shrink) * grow for side in (height, width))
        output = self.plane((1, *sides, channels), scale, zero)
        self.ops.append(Op(len(self.ops), kind, version, (*inputs, *extra), (output,), options))
        return output

    def conv(self, source: int, filters: int, size: int, stride: int = 1, *, activation: str = "RELU") -> int:
        """A CONV_2D."""
        shape = (filters, size, size, self.tensors[source].shape[3])
        options = Conv2DOptions("SAME", stride, stride, 1, 1, activation)
        constants = self._weights(source, shape, filters)
        return self.op("CONV_2D", [source], filters, options=options, shrink=stride, extra=constants, version=3)

    def block(self, source: int, filters: int, stride: int, *, separable: bool) -> int:
        """A 3x3 conv, or one of single channels with a 1x1 conv behind it."""
        if not separable:
            return self.conv(source, filters, 3, stride)
        channels = self.tensors[source].shape[3]
        kernel, bias = self._weights(source, (1, 3, 3, channels), channels)
        # In a depthwise kernel, channels are the last axis.
        self.tensors[kernel] = _along_last(self.tensors[kernel])
        options = DepthwiseConv2DOptions("SAME", stride, stride, 1, 1, 1, "RELU")
        each = self.op("DEPTHWISE_CONV_2D", [source], channels, options=options, shrink=stride, extra=(kernel, bias),
                       version=3)  # fmt: skip
        return self.conv(each, filters, 1)

    def resized(self, kind: str, source: int, times: int) -> int:
        """A plane `times` as large, of the same scale."""
        tensor = self.tensors[source]
        _, height, width, channels = tensor.shape
        size = self._numbers(np.array([height * times, width * times], np.int32))
        named = ResizeBilinearOptions if kind == "RESIZE_BILINEAR" else ResizeNearestNeighborOptions
        return self.op(kind, [source], channels, tensor.scales[0], named(False, True), grow=times,
                       zero=tensor.zero_points[0], extra=(size,), version=3)  # fmt: skip

    def spread(self, source: int) -> int:
        """The TRANSPOSE_CONV that makes four cells of the mask from one place at 1/8 size."""
        _, height, width, channels = self.tensors[source].shape
        kernel, bias = self._weights(source, (1, 2, 2, channels), 1)
        shape = self._numbers(np.array([1, 2 * height, 2 * width, 1], np.int32))
        output = self.plane((1, 2 * height, 2 * width, 1), _STEP)
        options = TransposeConvOptions("VALID", 2, 2, "NONE")
        self.ops.append(Op(len(self.ops), "TRANSPOSE_CONV", 3, (shape, kernel, source, bias), (output,), options))
        return output

    def graph(self, taken: int, given: int) -> Graph:
        """All of it."""
        return Graph("skeleton", "0" * 64, 0, tuple(self.tensors), tuple(self.ops), (taken,), (given,))


def _along_last(tensor: Tensor) -> Tensor:
    return replace(tensor, quantized_dimension=len(tensor.shape) - 1)
