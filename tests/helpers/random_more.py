"""More ops of random nets, as other converters write them: those that move numbers, change each, or reduce them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from random_nets import Grower, Samples
from random_ops import MAKERS, Maker, conv_to

from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    Conv2DOptions,
    FullyConnectedOptions,
    GatherOptions,
    GeluOptions,
    MirrorPadOptions,
    Options,
    PackOptions,
    ReducerOptions,
    ReshapeOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
    UnpackOptions,
)

_LARGEST_SIDE = 40

# Moves: a tensor of the same numbers, or of some of them


def _moved(
    g: Grower, kind: str, inputs: Sequence[int], shape: Sequence[int], options: Options | None = None, *, like: int
) -> int:
    scale, zero_point = g.quantization(like)
    index = g.net.plane(shape, scale, zero_point)
    g.samples[index] = g.samples[like]
    return g.net.op(kind, inputs, index, options, 1 if kind == "RESHAPE" else 2)


def _int32(g: Grower, *numbers: int) -> int:
    return g.net.constant(np.array(numbers, np.int32))


def _reshaped(g: Grower, source: int, *shape: int) -> int:
    return _moved(g, "RESHAPE", (source, _int32(g, *shape)), shape, ReshapeOptions(shape), like=source)


def _transposed(g: Grower, source: int, *axes: int) -> int:
    shape = [g.net.shape(source)[axis] for axis in axes]
    return _moved(g, "TRANSPOSE", (source, _int32(g, *axes)), shape, like=source)


def _mirror_pad(g: Grower, source: int) -> int | None:
    size, mode = g.size(source), g.one_of(["REFLECT", "SYMMETRIC"])
    most = [min(4, n if mode == "SYMMETRIC" else n - 1) + 1 for n in size]
    pads = np.array([(0, 0), *(g.random.integers(0, n, 2) for n in most)], np.int32)
    given = [1, *(n + int(p.sum()) for n, p in zip(size, pads[1:], strict=True))]
    return _moved(g, "MIRROR_PAD", (source, g.net.constant(pads)), given, MirrorPadOptions(mode), like=source)


def _slice(g: Grower, source: int) -> int | None:
    begins = [int(g.random.integers(0, (n + 1) // 2)) for n in g.size(source)]
    lengths = [int(g.random.integers(1, n - b + 1)) for n, b in zip(g.size(source), begins, strict=True)]
    inputs = (source, _int32(g, 0, *begins), _int32(g, 1, *lengths))
    return _moved(g, "SLICE", inputs, (1, *lengths), like=source)


def _strided_slice(g: Grower, source: int) -> int | None:
    bounds = [(0, 1, 1)]
    for n in g.size(source):
        begin, stride = int(g.random.integers(0, (n + 1) // 2)), g.few(3)
        bounds.append((begin, int(g.random.integers(begin + 1, n + 1)), stride))
    shape = [len(range(*bound)) for bound in bounds]
    inputs = (source, *(_int32(g, *numbers) for numbers in zip(*bounds, strict=True)))
    return _moved(g, "STRIDED_SLICE", inputs, shape, StridedSliceOptions(0, 0, 0, 0, 0), like=source)


def _gather(g: Grower, source: int) -> int | None:
    axis = g.one_of([3, 3, 3, 2, 1])
    shape = list(g.net.shape(source))
    chosen = g.random.integers(0, shape[axis], g.few(6))
    shape[axis] = len(chosen)
    return _moved(g, "GATHER", (source, _int32(g, *chosen)), shape, GatherOptions(axis, 0), like=source)


def _reverse(g: Grower, source: int) -> int | None:
    axis = g.one_of([3, 2, 2, 1])
    return _moved(g, "REVERSE_V2", (source, _int32(g, axis)), g.net.shape(source), like=source)


def _transpose(g: Grower, source: int) -> int | None:
    """To channels first, something on each number, and back; or rows for columns."""
    if g.chance(0.2):
        return _transposed(g, source, 0, 2, 1, 3)
    first = _transposed(g, source, 0, 3, 1, 2)
    if g.chance(0.7):
        given = _plane_like(g, first, np.abs(g.samples[source]))
        first = g.net.op("ABS", (first,), given)
    return _transposed(g, first, 0, 2, 3, 1)


def _plane_like(g: Grower, source: int, samples: Samples) -> int:
    """A tensor of a source's shape, with a quantization for such values."""
    index = g.net.plane(g.net.shape(source), *g.suitable(samples))
    g.samples[index] = samples
    return index


def _tile(g: Grower, source: int) -> int | None:
    """Nearest upsampling as some converters write it."""
    (height, width, channels), factors = g.size(source), (g.few(3), g.few(3))
    if max(height * factors[0], width * factors[1]) > _LARGEST_SIDE:
        return None
    y = _reshaped(g, source, 1, height, 1, width, 1, channels)
    shape = (1, height, factors[0], width, factors[1], channels)
    y = _moved(g, "TILE", (y, _int32(g, 1, 1, factors[0], 1, factors[1], 1)), shape, like=y)
    return _reshaped(g, y, 1, height * factors[0], width * factors[1], channels)


def _pixel_shuffle(g: Grower, source: int) -> int | None:
    height, width, _ = g.size(source)
    channels = g.one_of([1, 2, 3])
    if max(height, width) * 2 > _LARGEST_SIDE:
        return None
    source = conv_to(g, source, channels * 4)
    y = _reshaped(g, source, 1, height, width, channels, 2, 2)
    return _reshaped(g, _transposed(g, y, 0, 1, 4, 2, 5, 3), 1, height * 2, width * 2, channels)


def _split(g: Grower, source: int) -> int | None:
    height, width, channels = g.size(source)
    if channels % 2:
        source, channels = conv_to(g, source, 4), 4
    scale, zero_point = g.quantization(source)
    halves = [g.net.plane((1, height, width, channels // 2), scale, zero_point) for _ in range(2)]
    g.net.ops_of("SPLIT", (_int32(g, 3), source), halves, SplitOptions(2), 2)
    for half in halves:
        g.samples[half] = g.samples[source]
    return _moved(g, "CONCATENATION", halves[::-1], g.net.shape(source), ConcatenationOptions(3, "NONE"), like=source)


def _unpack(g: Grower, source: int) -> int | None:
    height, width, channels = g.size(source)
    scale, zero_point = g.quantization(source)
    parts = [g.net.plane((1, height, width), scale, zero_point) for _ in range(channels)]
    g.net.ops_of("UNPACK", (source,), parts, UnpackOptions(channels, 3))
    chosen = [parts[i] for i in g.random.integers(0, channels, g.few(4))]
    return _moved(g, "PACK", chosen, (1, height, width, len(chosen)), PackOptions(len(chosen), 3), like=source)


def _rows_below(g: Grower, source: int) -> int | None:
    axis, shape = g.one_of([1, 2]), list(g.net.shape(source))
    shape[axis] *= 2
    if shape[axis] > _LARGEST_SIDE:
        return None
    other = _reverse(g, source)
    assert other is not None
    return _moved(g, "CONCATENATION", (source, other), shape, ConcatenationOptions(axis, "NONE"), like=source)


# Numbers one by one

_FUNCTIONS: dict[str, Callable[[Samples], Samples]] = {
    "ABS": np.abs,
    "EXP": lambda x: np.exp(np.clip(x, -9, 9)),
    "GELU": lambda x: x / (1 + np.exp(np.clip(-1.7 * x, -50, 50))),
    "SQUARE": np.square,
    "FLOOR": np.floor,
    "SIN": np.sin,
}
_IN_FLOATS = ("FLOOR", "SIN", "SQUARE")


def _function(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        given = g.plane(g.size(source), _FUNCTIONS[kind](g.samples[source]))
        if kind in _IN_FLOATS:
            real = g.net.op("DEQUANTIZE", (source,), g.net.tensor(g.net.shape(source)), None, 2)
            return g.net.op("QUANTIZE", (g.net.op(kind, (real,), g.net.tensor(g.net.shape(source))),), given)
        return g.net.op(kind, (source,), given, GeluOptions(g.chance(0.5)) if kind == "GELU" else None)

    return make


def _extreme(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        (height, width, channels), (scale, zero_point) = g.size(source), g.quantization(source)
        if g.chance(0.5):
            other = conv_to(g, source, g.one_of([channels, 1]), (scale, zero_point))
        else:
            shape = g.one_of([(), (channels,), (1, height, 1, 1)])
            values = g.random.integers(-128, 128, shape).astype(np.int8)
            other = g.net.constant(values, [scale], zero_points=[zero_point])
        inputs = (source, other) if g.chance(0.5) else (other, source)
        return _moved(g, kind, inputs, (1, height, width, channels), like=source)

    return make


# Numbers of a pixel, or of many


def _softmax(g: Grower, source: int) -> int | None:
    index = g.net.plane(g.net.shape(source), 1 / 256, -128)
    g.samples[index] = g.random.uniform(0, 1, 256)
    if not 1e-6 < g.quantization(source)[0] < 100:
        return None
    return g.net.op("SOFTMAX", (source,), index, SoftmaxOptions(float(g.one_of([1.0, 1.0, 0.5]))))


def _reduce(kind: str) -> Maker:
    def make(g: Grower, source: int) -> int | None:
        taken = g.net.shape(source)
        axes = g.one_of([(3,), (3,), (1, 2), (1,), (2,), (2, 3), (1, 2, 3)])
        kept = [1 if axis in axes else n for axis, n in enumerate(taken)]
        count = int(np.prod([taken[axis] for axis in axes]))
        if kind in ("MEAN", "SUM"):
            whole = g.samples[source].mean() * (count if kind == "SUM" else 1)
            spread = g.samples[source].std() * (count**0.5 if kind == "SUM" else count**-0.5)
            samples = whole + spread * g.random.normal(size=256)
            scale, zero_point = g.suitable(samples)
            scale = max(scale, g.quantization(source)[0] * 2**-20)
        else:
            samples, (scale, zero_point) = g.samples[source], g.quantization(source)
        keep = g.chance(0.6)
        shape = kept if keep else [n for axis, n in enumerate(taken) if axis not in axes]
        index = g.net.plane(shape, scale, zero_point)
        g.samples[index] = samples
        reduced = g.net.op(kind, (source, _int32(g, *axes)), index, ReducerOptions(keep), 2)
        return reduced if keep else _reshaped(g, reduced, *kept)

    return make


def _fully_connected(g: Grower, source: int) -> int | None:
    (height, width, taken), channels = g.size(source), g.one_of([1, 2, 4, 5])
    weights, bias, sums = g.convolution(source, (channels, taken), channels, taken)
    rows = g.chance(0.3)
    given = g.plane((height, width, channels), sums)
    if not rows:
        return g.net.op("FULLY_CONNECTED", (source, weights, bias), given, FullyConnectedOptions("NONE", True), 5)
    scale, zero_point = g.quantization(given)
    flat = _reshaped(g, source, height * width, taken)
    made = g.net.plane((height * width, channels), scale, zero_point)
    g.samples[made] = g.samples[given]
    g.net.op("FULLY_CONNECTED", (flat, weights, bias), made, FullyConnectedOptions("NONE", False), 5)
    return _reshaped(g, made, 1, height, width, channels)


def _grouped(g: Grower, source: int) -> int | None:
    height, width, _ = g.size(source)
    source = conv_to(g, source, 6)
    channels, activation = g.one_of([2, 4, 6]), g.one_of(["NONE", "RELU"])
    groups = g.one_of([2, 2, 3]) if channels == 6 else 2
    weights, bias, sums = g.convolution(source, (channels, 3, 3, 6 // groups), channels, 9 * 6 // groups)
    stride = g.few(2)
    given = g.plane(
        (-(-height // stride), -(-width // stride), channels), np.maximum(sums, 0) if activation == "RELU" else sums
    )
    options = Conv2DOptions("SAME", stride, stride, 1, 1, activation)
    return g.net.op("CONV_2D", (source, weights, bias), given, options, 6)


MORE_MAKERS: dict[str, tuple[Maker, float]] = {
    "FULLY_CONNECTED": (_fully_connected, 0.7),
    "MAXIMUM": (_extreme("MAXIMUM"), 0.5),
    "MEAN": (_reduce("MEAN"), 0.8),
    "MINIMUM": (_extreme("MINIMUM"), 0.5),
    "REDUCE_MAX": (_reduce("REDUCE_MAX"), 0.5),
    "REDUCE_MIN": (_reduce("REDUCE_MIN"), 0.5),
    "SOFTMAX": (_softmax, 0.5),
    "GATHER": (_gather, 0.4),
    "MIRROR_PAD": (_mirror_pad, 0.5),
    "PACK": (_unpack, 0.4),
    "PIXEL_SHUFFLE": (_pixel_shuffle, 0.5),
    "REVERSE_V2": (_reverse, 0.3),
    "ROWS": (_rows_below, 0.3),
    "SLICE": (_slice, 0.4),
    "SPLIT": (_split, 0.5),
    "STRIDED_SLICE": (_strided_slice, 0.4),
    "TILE": (_tile, 0.5),
    "TRANSPOSE": (_transpose, 0.5),
    "GROUPS": (_grouped, 0.6),
    **{kind: (_function(kind), 0.25) for kind in _FUNCTIONS},
}
"""As `MAKERS`; some are called after what they write, not after one op."""

MAKERS.update(MORE_MAKERS)
