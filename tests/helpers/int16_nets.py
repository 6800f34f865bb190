"""Nets with activations of 16 bits and weights of 8, made op by op as those of 8 bits are; and random ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from int8_nets import Int8Net
from numpy.typing import NDArray

from edgeblur.export.tflite.options import (
    AddOptions,
    LeakyReluOptions,
    MulOptions,
    Pool2DOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SubOptions,
)
from edgeblur.firmware_harness.engines.engines import open_engine

CURVE = 1 / 32768
"""The scale that TensorFlow Lite prescribes for what comes out of LOGISTIC and TANH."""


class Int16Net(Int8Net):
    """An `Int8Net` whose planes are int16 around 0, and whose biases are int64."""

    def picture(self, height: int, width: int, channels: int = 3, scale: float = 1 / 32767, zero_point: int = 0) -> int:
        self.inputs.append(self._tensor((1, height, width, channels), "int16", [scale], [0], 0, None))
        return self.inputs[-1]

    def plane(self, shape: Any, scale: float, zero_point: int = 0, dtype: str = "int16") -> int:
        """Steps are 256 times finer than what an `Int8Net` is told."""
        return self._tensor(shape, dtype, [scale / 256 if scale > 1e-3 else scale], [0], 0, None)

    def constant(self, values: Any, scales: Any = (), axis: int = 0, zero_points: Any = None) -> int:
        values = np.asarray(values)
        if values.dtype == np.int32 and len(scales):  # a bias
            values = values.astype(np.int64) * 200
        return super().constant(values, scales, axis, zero_points)

    def steps(self, *shape: int, scale: float = 1e-4, zero_point: int = 0) -> int:
        return self.constant(self.random.integers(-(2**15), 2**15, shape).astype(np.int16), [scale])

    def requantize(self, source: int, scale: float, zero_point: int = 0, dtype: str = "int16") -> int:
        return super().requantize(source, scale, zero_point, dtype)

    def logistic(self, source: int, kind: str = "LOGISTIC") -> int:
        return self.op(kind, (source,), self._tensor(self.shape(source), "int16", [CURVE], [0], 0, None), version=3)

    def scale(self, index: int) -> float:
        return self.tensors[index].scales[0]

    def pairwise(self, kind: str, first: int, second: int, scale: float, activation: str = "NONE") -> int:
        """An ADD, SUB or MUL of planes, or of a plane and a constant, of one size or repeated."""
        sizes = [(1, 1, 1, 1, *self.shape(i))[-4:] for i in (first, second)]
        shape = tuple(map(max, *sizes))
        options: Any = {"ADD": AddOptions, "SUB": SubOptions, "MUL": MulOptions}[kind](activation)
        return self.op(kind, (first, second), self._tensor(shape, "int16", [scale], [0], 0, None), options, version=3)

    def pool(self, kind: str, source: int, size: tuple[int, int], stride: tuple[int, int], activation: str) -> int:
        _, height, width, channels = self.shape(source)
        shape = (1, -(-height // stride[0]), -(-width // stride[1]), channels)
        options = Pool2DOptions("SAME", stride[0], stride[1], size[0], size[1], activation)
        return self.op(kind, (source,), self.same(source, shape), options, version=3)

    def same(self, source: int, shape: Any) -> int:
        """A plane of a shape, and of another one's scale."""
        return self._tensor(shape, "int16", [self.scale(source)], [0], 0, None)

    def resize(self, source: int, height: int, width: int, *, bilinear: bool, half: bool = True) -> int:
        size, channels = self.constant(np.array([height, width], np.int32)), self.shape(source)[3]
        kind = "RESIZE_BILINEAR" if bilinear else "RESIZE_NEAREST_NEIGHBOR"
        options: Any = ResizeBilinearOptions if bilinear else ResizeNearestNeighborOptions
        taken = (source, size)
        return self.op(kind, taken, self.same(source, (1, height, width, channels)), options(False, half), version=4)

    def pad(self, source: int, *sides: tuple[int, int]) -> int:
        shape = tuple(n + sum(side) for n, side in zip(self.shape(source), ((0, 0), *sides), strict=True))
        paddings = self.constant(np.array([(0, 0), *sides], np.int32))
        return self.op("PAD", (source, paddings), self.same(source, shape), version=3)

    def factor(self, kind: str, source: int, scale: float, alpha: float = 0.2) -> int:
        """A QUANTIZE, a RELU or a LEAKY_RELU to another scale."""
        options = LeakyReluOptions(alpha) if kind == "LEAKY_RELU" else None
        given = self._tensor(self.shape(source), "int16", [scale], [0], 0, None)
        return self.op(kind, (source,), given, options, version=2)


def pictures(shape: tuple[int, ...], count: int) -> list[NDArray[np.int16]]:
    """Random steps of all sizes, and the largest ones."""
    random = np.random.default_rng(0)
    extremes = np.where(random.integers(0, 2, shape), 2**15 - 1, -(2**15)).astype(np.int16)
    made = [random.integers(-(2**15), 2**15, shape).astype(np.int16) for _ in range(count - 1)]
    return [extremes, *made]


def differing_numbers(net: Int16Net, *outputs: int, count: int = 3, judge: str = "litert-ref", least: int = 9) -> int:
    """Output numbers in which the streaming engine and LiteRT's reference kernels, or another engine, differ.

    Raises:
        AssertionError: an output has fewer than `least` values, so that hardly anything would be compared.
    """
    data = net.tflite(*outputs)
    reference, stream = (open_engine(name, data, several=True) for name in (judge, "stream"))
    wrong = 0
    for raw in pictures(stream.model.input.tensor.shape, count):
        for wanted, made in zip(reference.run_all(raw), stream.run_all(raw), strict=True):
            assert np.unique(wanted).size >= least
            wrong += int((made != wanted).sum())
    return wrong


def random_net(seed: int) -> tuple[Int16Net, int]:
    """A net of 3 to 9 layers of any kind, and its output."""
    net = Int16Net(seed)
    random = net.random
    x = net.picture(int(random.integers(5, 12)), int(random.integers(5, 14)), int(random.choice([1, 3, 4])))
    for _ in range(random.integers(3, 10)):
        x = _layer(net, x, str(random.choice(list(_LAYERS))))
        if np.prod(net.shape(x)) > 8000:
            x = net.pool("MAX_POOL_2D", x, (2, 2), (2, 2), "NONE")
    return net, x


def _some(net: Int16Net, *values: Any) -> Any:
    return values[net.random.integers(len(values))]


def _layer(net: Int16Net, x: int, kind: str) -> int:
    return int(_LAYERS[kind](net, x))


def _conv(net: Int16Net, x: int) -> int:
    kernel, padding = _some(net, (1, 1), (3, 3), (2, 3), (5, 1)), _some(net, "SAME", "SAME", "VALID")
    if min(n - k for n, k in zip(net.shape(x)[1:3], kernel, strict=True)) < 1:
        padding = "SAME"
    dilation = _some(net, (1, 1), (1, 1), (2, 2)) if padding == "SAME" else (1, 1)
    stride = _some(net, (1, 1), (2, 2), (1, 2)) if dilation == (1, 1) else (1, 1)
    return net.conv(
        x, int(net.random.integers(1, 11)), kernel, stride=stride, dilation=dilation, padding=padding,
        activation=_some(net, "NONE", "RELU", "RELU6", "RELU_N1_TO_1"), gain=2,
        largest=_some(net, 127, 5),
    )  # fmt: skip


def _depthwise(net: Int16Net, x: int) -> int:
    stride = _some(net, (1, 1), (2, 2))
    multiplier = _some(net, 1, 1, 2)
    return net.depthwise(x, multiplier, _some(net, (3, 3), (2, 2), (1, 4)), stride=stride, gain=2)


def _sum(net: Int16Net, x: int) -> int:
    other = net.conv(x, net.shape(x)[3], (1, 1), activation="NONE", gain=2)
    scale = max(net.scale(x), net.scale(other)) * float(net.random.uniform(0.7, 3))
    return net.pairwise(_some(net, "ADD", "SUB"), *_some(net, (x, other), (other, x)), scale, _some(net, *_ACTIVATIONS))


def _product(net: Int16Net, x: int) -> int:
    other = net.logistic(net.conv(x, net.shape(x)[3], (1, 1), activation="NONE", gain=2))
    return net.pairwise("MUL", x, other, net.scale(x) * float(net.random.uniform(0.5, 1.5)))


def _constant(net: Int16Net, x: int) -> int:
    kind, shape = _some(net, "ADD", "SUB", "MUL"), _some(net, (1,), (net.shape(x)[3],), net.shape(x))
    scale = net.scale(x) / 2 if kind == "MUL" else net.scale(x) * 2.1
    return net.pairwise(kind, x, net.steps(*shape, scale=1 / 40000 if kind == "MUL" else net.scale(x)), scale)


def _joined(net: Int16Net, x: int) -> int:
    return net.join(x, net.factor("QUANTIZE", net.conv(x, _some(net, 2, 3), (1, 1), gain=2), net.scale(x)))


_ACTIVATIONS = ("NONE", "RELU")

_LAYERS = {
    "conv": _conv,
    "conv again": _conv,
    "depthwise": _depthwise,
    "up": lambda net, x: net.up_conv(
        x, _some(net, 2, 3, 5), _some(net, (2, 2), (3, 3), (1, 2)), stride=_some(net, (2, 2), (1, 2)), gain=2
    ),
    "sum": _sum,
    "product": _product,
    "constant": _constant,
    "joined": _joined,
    "largest": lambda net, x: net.pool("MAX_POOL_2D", x, _some(net, (2, 2), (3, 1)), (1, 2), "NONE"),
    "mean": lambda net, x: net.pool(
        "AVERAGE_POOL_2D", x, _some(net, (2, 2), (3, 3)), (1, 1), _some(net, *_ACTIVATIONS)
    ),
    "curve": lambda net, x: net.logistic(x, _some(net, "LOGISTIC", "TANH")),
    "bilinear": lambda net, x: net.resize(
        x, *(2 * n for n in net.shape(x)[1:3]), bilinear=True, half=_some(net, True, False)
    ),
    "nearest": lambda net, x: net.resize(x, net.shape(x)[1] + 3, net.shape(x)[2] * 2, bilinear=False),
    "pad": lambda net, x: net.pad(x, (1, 0), (2, 1), _some(net, (0, 0), (1, 2))),
    "factor": lambda net, x: net.factor(
        _some(net, "QUANTIZE", "RELU", "RELU6", "LEAKY_RELU"), x, net.scale(x) * float(net.random.uniform(0.6, 1.7))
    ),
}  # fmt: skip
