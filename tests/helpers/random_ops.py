"""The ops of random nets: each reads a plane that is there and writes one of a size and quantization that LiteRT takes.

A maker gets the net so far and a plane to read; it returns the plane it wrote, or None if that plane does not suit it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from random_nets import Grower, Quantization, Samples

from edgeblur.export.tflite.options import (
    AddOptions,
    ConcatenationOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    DepthwiseConv2DOptions,
    LeakyReluOptions,
    MulOptions,
    Options,
    Pool2DOptions,
    ReshapeOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SpaceToDepthOptions,
    SubOptions,
    TransposeConvOptions,
)

_LARGEST_SIDE = 40
_MOST_MACS = 200_000
_ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")

Maker = Callable[[Grower, int], int | None]


def _activated(samples: Samples, activation: str) -> Samples:
    low, high = {"NONE": (-np.inf, np.inf), "RELU": (0, np.inf), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}[activation]
    return np.clip(samples, low, high)


# Windows


@dataclass(frozen=True)
class _Axis:
    """A window along one axis, and how long the output is."""

    kernel: int
    stride: int
    dilation: int
    given: int


def _axis(g: Grower, length: int, padding: str, *, dilated: bool) -> _Axis:
    limit = length if padding == "VALID" else 7
    kernel, stride = g.few(min(7, limit)), g.few(4)
    most = (limit - 1) // (kernel - 1) if kernel > 1 and padding == "VALID" else 4
    dilation = g.few(min(4, most)) if dilated else 1
    reach = (kernel - 1) * dilation + 1
    given = -(-length // stride) if padding == "SAME" else -(-(length - reach + 1) // stride)
    return _Axis(kernel, stride, dilation, given)


def _axes(g: Grower, source: int, *, dilated: bool) -> tuple[str, _Axis, _Axis]:
    """Padding, and the windows along height and width."""
    height, width, _ = g.size(source)
    padding = g.one_of(["SAME", "SAME", "VALID"])
    dilated = dilated and g.chance(0.25)
    return padding, _axis(g, height, padding, dilated=dilated), _axis(g, width, padding, dilated=dilated)


def _channels(g: Grower) -> int:
    return int(g.one_of([1, 2, 3, 4, 5, 8, 8, 17]))


def conv_to(g: Grower, source: int, channels: int, quantization: Quantization | None = None) -> int:
    """A 1x1 CONV_2D to so many channels, and to a given quantization: how makers adapt a plane."""
    height, width, taken = g.size(source)
    spread = 60 * quantization[0] if quantization else 0
    weights, bias, sums = g.convolution(source, (channels, 1, 1, taken), channels, taken, spread=spread)
    given = g.plane((height, width, channels), sums, quantization)
    return g.net.op("CONV_2D", (source, weights, bias), given, Conv2DOptions("SAME", 1, 1, 1, 1, "NONE"), 3)


def _conv_2d(g: Grower, source: int) -> int | None:
    padding, h, w = _axes(g, source, dilated=True)
    if g.chance(0.3):  # as most nets have it, and as a kernel of its own makes it
        padding, (h, w) = "SAME", (_Axis(3, 1, 1, length) for length in g.size(source)[:2])
    channels, taken, activation = _channels(g), g.size(source)[2], g.one_of(_ACTIVATIONS)
    products = h.kernel * w.kernel * taken
    if h.given * w.given * channels * products > _MOST_MACS:
        return None
    weights, bias, sums = g.convolution(source, (channels, h.kernel, w.kernel, taken), channels, products)
    given = g.plane((h.given, w.given, channels), _activated(sums, activation))
    options = Conv2DOptions(padding, h.stride, w.stride, h.dilation, w.dilation, activation)
    return g.net.op("CONV_2D", (source, weights, bias), given, options, 3)


def _depthwise_conv_2d(g: Grower, source: int) -> int | None:
    padding, h, w = _axes(g, source, dilated=True)
    multiplier, activation = g.one_of([1, 1, 1, 2, 3]), g.one_of(_ACTIVATIONS)
    channels, products = g.size(source)[2] * multiplier, h.kernel * w.kernel
    if h.given * w.given * channels * products > _MOST_MACS:
        return None
    weights, bias, sums = g.convolution(source, (1, h.kernel, w.kernel, channels), channels, products, axis=3)
    given = g.plane((h.given, w.given, channels), _activated(sums, activation))
    inputs = (source, weights, bias) if g.chance(0.8) else (source, weights)
    options = DepthwiseConv2DOptions(padding, h.stride, w.stride, h.dilation, w.dilation, multiplier, activation)
    return g.net.op("DEPTHWISE_CONV_2D", inputs, given, options, 3)


def transpose_to(g: Grower, source: int, height: int, width: int, padding: str) -> int | None:
    """A TRANSPOSE_CONV to a given size, if any stride leads there."""
    strides, kernels, side_by_side = [], [], g.chance(0.5)
    for taken, given in zip(g.size(source), (height, width), strict=False):
        if padding == "SAME":
            fits = [(s, k) for s in range(1, 5) for k in range(1, 6) if -(-given // s) == taken]
        else:
            fits = [(s, k) for s in range(1, 5) for k in range(1, 8) if k <= given and (given - k) // s + 1 == taken]
        if not fits:
            return None
        tiles = [(s, k) for s, k in fits if s == k and taken * s == given]  # as U-Nets have it
        stride, kernel = g.one_of(tiles if side_by_side and tiles else fits)
        strides.append(stride)
        kernels.append(kernel)
    channels, taken, activation = _channels(g), g.size(source)[2], g.one_of(_ACTIVATIONS)
    products = -(-kernels[0] // strides[0]) * -(-kernels[1] // strides[1]) * taken
    if height * width * channels * products > _MOST_MACS:
        return None
    weights, bias, sums = g.convolution(source, (channels, *kernels, taken), channels, products)
    size = g.net.constant(np.array([1, height, width, channels], np.int32))
    inputs = (size, weights, source, bias) if g.chance(0.6) else (size, weights, source)
    given = g.plane((height, width, channels), _activated(sums, activation))
    options = TransposeConvOptions(padding, strides[0], strides[1], activation)
    return g.net.op("TRANSPOSE_CONV", inputs, given, options, 4)


def _transpose_conv(g: Grower, source: int) -> int | None:
    height, width, _ = g.size(source)
    padding = g.one_of(["SAME", "SAME", "VALID"])
    height, width = (int(g.random.integers(n, 4 * n + 4)) if g.chance(0.2) else n * 2 for n in (height, width))
    return transpose_to(g, source, height, width, padding) if max(height, width) <= _LARGEST_SIDE else None


def _pool(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        padding, h, w = _axes(g, source, dilated=False)
        activation = g.one_of(_ACTIVATIONS)
        samples = _activated(g.samples[source], activation)
        given = g.plane((h.given, w.given, g.size(source)[2]), samples, g.quantization(source))
        options = Pool2DOptions(padding, h.stride, w.stride, h.kernel, w.kernel, activation)
        return g.net.op(kind, (source,), given, options, 2)

    return make


# One value at a time


_FUNCTIONS: dict[str, Callable[[Samples], Samples]] = {
    "HARD_SWISH": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "LEAKY_RELU": lambda x: np.where(x < 0, x * 0.3, x),
    "LOGISTIC": lambda x: 1 / (1 + np.exp(-np.clip(x, -50, 50))),
    "PRELU": lambda x: np.where(x < 0, x * 0.3, x),
    "QUANTIZE": lambda x: x,
    "RELU": lambda x: np.maximum(x, 0),
    "RELU6": lambda x: np.clip(x, 0, 6),
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "TANH": np.tanh,
}
_DEMANDED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


def _pointwise(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        samples = _FUNCTIONS[kind](g.samples[source])
        scale, zero_point = _DEMANDED.get(kind) or g.suitable(samples)
        if kind == "HARD_SWISH":
            scale = max(scale, g.quantization(source)[0] / 127)
        given = g.plane(g.size(source), samples, (scale, zero_point))
        options = LeakyReluOptions(float(np.float32(g.random.uniform(-0.2, 1.3)))) if kind == "LEAKY_RELU" else None
        return g.net.op(kind, (source,), given, options, 2 if kind in ("LEAKY_RELU", "QUANTIZE") else 1)

    return make


def _prelu(g: Grower, source: int) -> int | None:
    height, width, channels = g.size(source)
    given = g.plane((height, width, channels), _FUNCTIONS["PRELU"](g.samples[source]))
    shape = (height, width, channels) if g.chance(0.2) else (1, 1, channels)
    slopes = g.random.integers(-128, 128, shape).astype(np.int8)
    alpha = g.net.constant(slopes, [10 ** g.random.uniform(-4, -2)], zero_points=[g.one_of([0, -128, 127, 9])])
    return g.net.op("PRELU", (source, alpha), given)


# Joins


def _requantized(g: Grower, source: int, like: int) -> int:
    """A plane with another one's scale and zero point."""
    quantization = g.quantization(like)
    if g.quantization(source) == quantization:
        return source
    if not 0.05 < g.samples[source].std() / (quantization[0] * 60) < 20:
        return conv_to(g, source, g.size(source)[2], quantization)
    return g.net.op("QUANTIZE", (source,), g.plane(g.size(source), g.samples[source], quantization), None, 2)


def _partner(g: Grower, source: int) -> int:
    """A plane of the same height and width, a skip from far back if there is one, made by upsampling if need be."""
    height, width, _ = g.size(source)
    same = [p for p in g.planes if g.size(p)[:2] == (height, width)]
    if len(same) > 1 and g.chance(0.85):
        return int(g.one_of([p for p in same if p != source]))
    smaller = [p for p in g.planes if g.size(p)[0] <= height and g.size(p)[1] <= width and p not in same]
    if smaller:
        up = transpose_to(g, g.one_of(smaller), height, width, "SAME")
        if up is not None:
            return up
    return conv_to(g, source, _channels(g)) if g.chance(0.8) else source


def _concatenation(g: Grower, source: int) -> int | None:
    more = g.one_of([0, 1, 1, 1, 1, 2, 3])
    parts = [source, *(_requantized(g, _partner(g, source), source) for _ in range(more))]
    parts = [parts[i] for i in g.random.permutation(len(parts))]
    height, width, _ = g.size(source)
    channels = sum(g.size(p)[2] for p in parts)
    samples = np.concatenate([g.samples[p] for p in parts])
    given = g.plane((height, width, channels), g.random.choice(samples, 256), g.quantization(source))
    return g.net.op("CONCATENATION", parts, given, ConcatenationOptions(g.one_of([3, -1]), "NONE"), 2)


def _constant(g: Grower, source: int) -> int:
    """A constant to pair with a plane: a number, one a channel, or repeated along any axes."""
    height, width, channels = g.size(source)
    shape = g.one_of(
        [(), (channels,), (1, 1, 1, channels), (1, height, width, channels), (1, height, 1, 1), (width, 1)]
    )
    values = g.random.integers(-128, 128, shape).astype(np.int8)
    scale, zero_point = float(g.samples[source].std() or 1.0) / 64, int(g.one_of([0, 0, -128, 127, 40]))
    constant = g.net.constant(values, [scale], zero_points=[zero_point])
    g.samples[constant] = (g.random.choice(values.ravel(), 256) - zero_point) * g.net.tensors[constant].scales[0]
    return constant


def _repeated(g: Grower, source: int) -> int:
    """A plane to pair with another, that is repeated: its mean over height, width or both, or a single channel."""
    height, width, _ = g.size(source)
    h, w = g.one_of([(height, width), (height, 1), (1, width), (1, 1)])
    if (h, w) == (1, 1) or g.chance(0.3):
        source = conv_to(g, source, 1)
    given = g.plane((height // h, width // w, g.size(source)[2]), g.samples[source], g.quantization(source))
    return g.net.op("AVERAGE_POOL_2D", (source,), given, Pool2DOptions("VALID", h, w, h, w, "NONE"), 2)


def _operands(g: Grower, source: int) -> tuple[int, int]:
    """Two tensors to combine number by number."""
    how = g.random.random()
    if how < 0.2:
        return source, _constant(g, source)
    if how < 0.35:
        return source, _repeated(g, source)
    partner = _partner(g, source)
    channels = g.size(source)[2]
    return source, partner if g.size(partner)[2] == channels else conv_to(g, partner, channels)


def _arithmetic(kind: str, options: Callable[[str], Options], combine: Callable[[Samples, Samples], Samples]) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        operands, activation = _operands(g, source), g.one_of(_ACTIVATIONS)
        operands = operands if g.chance(0.5) else (operands[1], operands[0])
        samples = combine(g.samples[operands[0]], g.random.permutation(g.samples[operands[1]]))
        samples = _activated(samples, activation)
        scale, zero_point = g.suitable(samples)
        if kind != "MUL":  # LiteRT aborts if the factor from input to output steps exceeds 2**19
            scale = max(scale, *(g.quantization(p)[0] / 2**18 for p in operands))
        given = g.plane(g.size(source), samples, (scale, zero_point))
        return g.net.op(kind, operands, given, options(activation), 2)

    return make


# Places


def _resize(kind: str, options: Callable[[bool, bool], Options]) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        height, width, channels = g.size(source)
        factors = [g.one_of([2, 2, 2, 3, 1, 0]) for _ in range(2)]
        height, width = (
            n * f if f else int(g.random.integers(1, 25)) for n, f in zip((height, width), factors, strict=True)
        )
        if max(height, width) > _LARGEST_SIDE:
            return None
        given = g.plane((height, width, channels), g.samples[source], g.quantization(source))
        size = g.net.constant(np.array([height, width], np.int32))
        align, half = g.one_of([(False, False), (False, True), (True, False)])
        return g.net.op(kind, (source, size), given, options(align, half), 3)

    return make


def _depth_to_space(g: Grower, source: int) -> int | None:
    block, channels = g.one_of([2, 2, 3]), g.one_of([1, 2, 3])
    height, width, taken = g.size(source)
    if max(height, width) * block > _LARGEST_SIDE:
        return None
    if taken % block**2:
        source = conv_to(g, source, block**2 * channels)
        taken = block**2 * channels
    size = (height * block, width * block, taken // block**2)
    given = g.plane(size, g.samples[source], g.quantization(source))
    return g.net.op("DEPTH_TO_SPACE", (source,), given, DepthToSpaceOptions(block))


def _space_to_depth(g: Grower, source: int) -> int | None:
    height, width, channels = g.size(source)
    blocks = [block for block in (1, 2, 3, 4) if height % block == width % block == 0]
    block = g.one_of(blocks[-2:])
    if channels * block**2 > 40:
        return None
    size = (height // block, width // block, channels * block**2)
    given = g.plane(size, g.samples[source], g.quantization(source))
    return g.net.op("SPACE_TO_DEPTH", (source,), given, SpaceToDepthOptions(block))


def _pad(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        most = (g.one_of([2, 2, 6]), g.one_of([2, 2, 6]), g.one_of([1, 1, 1, 3]))
        pads = np.array([(0, 0), *(g.random.integers(0, n, 2) for n in most)], g.one_of([np.int32, np.int64]))
        size = tuple(n + int(p.sum()) for n, p in zip(g.size(source), pads[1:], strict=True))
        quantization = g.quantization(source)
        given = g.plane(size, g.samples[source], quantization)
        inputs = [source, g.net.constant(pads)]
        if kind == "PADV2":
            value = np.array([g.random.integers(-128, 128)], np.int8)
            inputs.append(g.net.constant(value, [quantization[0]], zero_points=[quantization[1]]))
        return g.net.op(kind, inputs, given, None, 2)

    return make


def _reshape(g: Grower, source: int) -> int | None:
    """To the same shape: it vanishes."""
    shape = g.net.shape(source)
    given = g.plane(g.size(source), g.samples[source], g.quantization(source))
    wanted = g.net.constant(np.array(shape, np.int32))
    return g.net.op("RESHAPE", (source, wanted), given, ReshapeOptions(shape))


MAKERS: dict[str, tuple[Maker, float]] = {
    "ADD": (_arithmetic("ADD", AddOptions, np.add), 1.5),
    "AVERAGE_POOL_2D": (_pool("AVERAGE_POOL_2D"), 1),
    "CONCATENATION": (_concatenation, 3),
    "CONV_2D": (_conv_2d, 4),
    "DEPTHWISE_CONV_2D": (_depthwise_conv_2d, 1.5),
    "DEPTH_TO_SPACE": (_depth_to_space, 0.7),
    "MAX_POOL_2D": (_pool("MAX_POOL_2D"), 1),
    "MUL": (_arithmetic("MUL", MulOptions, np.multiply), 1),
    "PAD": (_pad("PAD"), 0.7),
    "PADV2": (_pad("PADV2"), 0.4),
    "PRELU": (_prelu, 0.7),
    "RESHAPE": (_reshape, 0.5),
    "RESIZE_BILINEAR": (_resize("RESIZE_BILINEAR", ResizeBilinearOptions), 1),
    "RESIZE_NEAREST_NEIGHBOR": (_resize("RESIZE_NEAREST_NEIGHBOR", ResizeNearestNeighborOptions), 1),
    "SPACE_TO_DEPTH": (_space_to_depth, 0.5),
    "SUB": (_arithmetic("SUB", SubOptions, np.subtract), 1),
    "TRANSPOSE_CONV": (_transpose_conv, 2),
    **{kind: (_pointwise(kind), 0.4) for kind in _FUNCTIONS if kind != "PRELU"},
}
"""By op kind: its maker, and how often it is tried."""

NOT_MADE = frozenset({"ARG_MAX", "ARG_MIN", "EXPAND_DIMS", "MOVE", "SQUEEZE", "SUM", "TABLE"})
"""Kinds that no op reads (ARG_MAX), that change no picture of four axes, that are written here only, and SUM, whose
reference kernel wraps around."""


def grow(g: Grower) -> None:
    """Add an op (or a few, if planes have to be adapted first) that the engine streams."""
    kinds = list(MAKERS)
    odds = np.array([MAKERS[kind][1] for kind in kinds])
    made = None
    while made is None:
        kind, source = str(g.random.choice(kinds, p=odds / odds.sum())), g.recent()
        if g.net.ops and g.net.ops[-1].kind == "CONCATENATION" and g.chance(0.6):
            kind, source = "CONV_2D", g.planes[-1]  # which reads the parts where they are: no other op does
        made = MAKERS[kind][0](g, source)
    g.planes.append(made)
