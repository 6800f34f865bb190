"""Small nets whose layers are counted to fit the cost model, in shapes that the U-Nets lack. cost_probes.py FOLDER

Together with the U-Nets of bench_models.py: every kernel of the engine, odd and even channels, strides, joined inputs.
And two nets that the model is tried on, and not fitted to.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from code_samples import choice, dense, grouped, softmax
from int8_nets import Int8Net, unet
from int16_nets import Int16Net

from edgeblur.export.tflite.options import (
    AddOptions,
    DepthToSpaceOptions,
    MulOptions,
    Options,
    Pool2DOptions,
    ReducerOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SpaceToDepthOptions,
    SubOptions,
)
from edgeblur.files import write_bytes

SIDE = 32
_PAIRWISE: dict[str, Options] = {"ADD": AddOptions("NONE"), "SUB": SubOptions("NONE"), "MUL": MulOptions("NONE")}


def _pairwise(net: Int8Net, kind: str, source: int, other: int) -> int:
    return net.op(kind, (source, other), net.plane(net.shape(source), 0.1, -3), _PAIRWISE[kind], 2)


def _pool(net: Int8Net, kind: str, source: int, size: int, stride: int) -> int:
    _, height, width, channels = net.shape(source)
    output = net.like(source, -(-height // stride), -(-width // stride), channels)
    return net.op(kind, (source,), output, Pool2DOptions("SAME", stride, stride, size, size, "NONE"), 2)


def _resize(net: Int8Net, source: int, factor: int, *, bilinear: bool) -> int:
    _, height, width, channels = net.shape(source)
    size = net.constant(np.array([factor * height, factor * width], np.int32))
    output = net.like(source, factor * height, factor * width, channels)
    if bilinear:
        return net.op("RESIZE_BILINEAR", (source, size), output, ResizeBilinearOptions(False, True), 3)
    return net.op("RESIZE_NEAREST_NEIGHBOR", (source, size), output, ResizeNearestNeighborOptions(False, True), 3)


def _pad(net: Int8Net, source: int) -> int:
    _, height, width, channels = net.shape(source)
    border = net.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
    return net.op("PAD", (source, border), net.like(source, height + 2, width + 2, channels), None, 2)


def _prelu(net: Int8Net, source: int) -> int:
    slopes = net.steps(1, 1, net.shape(source)[3])
    return net.op("PRELU", (source, slopes), net.plane(net.shape(source), 0.05, 2))


def convolutions(net: Int8Net) -> int:
    """Odd and even channels, 1x1 to 5x5, steps of two, a dilated one."""
    x = net.picture(SIDE, SIDE)
    for channels, side in (
        (5, 3),
        (8, 3),
        (12, 1),
        (7, 3),
        (24, 3),
        (6, 1),
        (1, 3),
        (10, 5),
        (32, 3),
        (16, 1),
        (20, 3),
    ):
        x = net.conv(x, channels, (side, side), scale=0.02, gain=2)
    x = net.conv(x, 24, stride=(2, 2), scale=0.02, gain=2)
    x = net.conv(x, 40, dilation=(2, 2), scale=0.02, gain=2)
    return net.conv(x, 3, (1, 1), activation="NONE", zero_point=0)


def strides(net: Int8Net) -> int:
    """Steps of two from the picture down, as a mask head has them, and few pixels of many channels."""
    x = net.picture(2 * SIDE, 2 * SIDE)
    for channels in (8, 16, 24):
        x = net.conv(x, channels, stride=(2, 2), scale=0.02, gain=2)
        x = net.conv(x, channels, scale=0.02, gain=2)
    for channels, side in ((64, 3), (48, 1), (96, 1), (32, 3), (1, 1)):
        x = net.conv(x, channels, (side, side), scale=0.02, gain=2)
    return x


def joins(net: Int8Net) -> int:
    """Convolutions of planes side by side, transposed ones, and rounding that the fast way does not do."""
    x = a = net.conv(net.picture(SIDE, SIDE), 6, scale=0.02, gain=2)
    for channels in (4, 5, 12, 16):
        b = net.conv(net.max_pool(x), channels, scale=0.02, gain=2)
        x = net.conv(net.join(net.up_conv(b, channels, scale=0.02), a), channels + 2, scale=0.02, gain=2)
    x = net.up_conv(x, 5, (3, 3), scale=0.02)
    x = net.max_pool(net.up_conv(net.max_pool(net.max_pool(x)), 8, (4, 4), scale=0.02))
    for channels in (8, 12, 5):
        x = net.conv(x, channels, scale=0.0002, gain=2, activation="NONE", zero_point=0)  # shifts to the left
        x = net.max_pool(net.requantize(net.conv(x, 8, (1, 1), scale=0.02), 0.02, 3)) if channels == 12 else x
    return x


def transposed(net: Int8Net) -> int:
    """Transposed convolutions whose windows overlap."""
    x = net.picture(SIDE // 4, SIDE // 4)
    for channels, side, stride in ((7, 3, 2), (16, 4, 2), (8, 3, 1), (3, 5, 2), (12, 2, 1)):
        x = net.up_conv(x, channels, (side, side), stride=(stride, stride), scale=0.02)
    return x


def separable(net: Int8Net) -> int:
    """Depthwise convolutions and 1x1 ones in turn."""
    x = net.conv(net.picture(SIDE, SIDE), 8, scale=0.02, gain=2)
    for channels, multiplier, side, stride in (
        (12, 1, 3, 1),
        (16, 1, 5, 1),
        (24, 2, 3, 1),
        (5, 1, 3, 2),
        (32, 1, 3, 1),
    ):
        x = net.depthwise(x, multiplier, (side, side), stride=(stride, stride), scale=0.02, gain=2)
        x = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
    return net.depthwise(x, 1, (2, 2), stride=(2, 2))


def elementwise(net: Int8Net) -> int:
    """Pairs of planes and of planes and constants, tables, slopes."""
    x = net.conv(net.picture(SIDE, SIDE), 3, (1, 1), scale=0.02, gain=2)
    for channels in (8, 1, 16, 5):
        x = y = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
        for kind in ("ADD", "MUL", "SUB"):
            x = _pairwise(net, kind, x, net.steps(1, 1, 1, channels))
            x = _pairwise(net, kind, x, y)
        x = _prelu(net, x)
        z = net.requantize(x, 0.07, 3)  # read beside what it is made of, so that it stays a copy
        x = _pairwise(net, "ADD", x, z)
    one = net.conv(x, 1, (1, 1), scale=0.02, gain=2)
    return _pairwise(net, "MUL", x, one)


def shapes(net: Int8Net) -> int:
    """Pools, resizes, borders and moved channels."""
    x = net.conv(net.picture(SIDE, SIDE), 4, scale=0.02, gain=2)
    for channels, kind in ((6, "AVERAGE_POOL_2D"), (16, "MAX_POOL_2D"), (3, "AVERAGE_POOL_2D"), (8, "MAX_POOL_2D")):
        x = _pool(net, kind, net.conv(x, channels, (1, 1), scale=0.02, gain=2), 3, 1)
        x = _resize(net, _pool(net, kind, x, 2, 2), 2, bilinear=channels > 5)
        x = _resize(net, _pool(net, kind, x, 4, 4), 4, bilinear=channels < 10)
    x = _pad(net, x)
    x = net.conv(x, 16, (3, 3), padding="VALID", scale=0.02, gain=2)
    x = net.op("DEPTH_TO_SPACE", (x,), net.like(x, 2 * SIDE, 2 * SIDE, 4), DepthToSpaceOptions(2))
    x = net.op("SPACE_TO_DEPTH", (x,), net.like(x, SIDE, SIDE, 16), SpaceToDepthOptions(2))
    y = net.conv(x, 8, (1, 1), scale=net.tensors[x].scales[0], gain=2)
    x = _pool(net, "MAX_POOL_2D", net.join(x, y, y), 2, 2)
    return _resize(net, _pad(net, x), 2, bilinear=False)


def copies(net: Int8Net) -> int:
    """Pieces of bytes of many sizes, moved."""
    x = net.picture(SIDE, SIDE)
    for channels in (3, 1, 4, 24, 8):
        x = net.conv(_pad(net, x), channels, padding="VALID", scale=0.02, gain=2)
        x = _pool(net, "MAX_POOL_2D", _resize(net, x, 2, bilinear=False), 2, 2)
        x = _pool(net, "MAX_POOL_2D", net.join(x, net.conv(x, 2 * channels, (1, 1), scale=0.02, gain=2)), 1, 1)
        x = net.conv(_pool(net, "MAX_POOL_2D", net.join(x, x, x), 2, 1), channels, (1, 1), scale=0.02, gain=2)
        wide = net.like(x, SIDE // 2, SIDE // 2, 4 * channels)
        x = net.op("SPACE_TO_DEPTH", (x,), wide, SpaceToDepthOptions(2))
        x = net.op("DEPTH_TO_SPACE", (x,), net.like(x, SIDE, SIDE, channels), DepthToSpaceOptions(2))
    return _pool(net, "AVERAGE_POOL_2D", x, 5, 1)


def depthwise(net: Int8Net) -> int:
    """Depthwise convolutions of whole words of channels and of others, wide and narrow, with and without padding."""
    x = net.conv(net.picture(SIDE, SIDE), 4, (1, 1), scale=0.02, gain=2)
    x = net.depthwise(x, scale=0.02, gain=2)
    for channels, side, stride, padding in (
        (16, 3, 1, "SAME"), (7, 3, 1, "SAME"), (24, 5, 1, "VALID"), (12, 3, 2, "SAME"), (6, 3, 1, "VALID"),
        (40, 3, 1, "SAME"), (9, 5, 1, "SAME"), (32, 3, 2, "SAME"), (20, 3, 1, "SAME"),
    ):  # fmt: skip
        x = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
        x = net.depthwise(x, 1, (side, side), stride=(stride, stride), padding=padding, scale=0.02, gain=2)
    return x


def _reduced(net: Int8Net, kind: str, source: int, *axes: int) -> int:
    size = [1 if axis in axes else length for axis, length in enumerate(net.shape(source))]
    axis = net.constant(np.array(axes, np.int32))
    return net.op(kind, (source, axis), net.like(source, *size[1:]), ReducerOptions(True), 2)


def _spread(net: Int8Net, source: int, wide: int) -> int:
    """What was reduced, as large again: the maximum with a plane."""
    return net.op("MAXIMUM", (wide, source), net.like(wide, *net.shape(wide)[1:]), None)


def reductions(net: Int8Net) -> int:
    """Means and extremes over rows, columns, channels, and larger and smaller ones of two planes."""
    x = net.conv(net.picture(SIDE, SIDE), 8, scale=0.02, gain=2)
    for channels in (12, 5, 24):
        for axes in ((3,), (2,), (1, 2), (1, 2, 3)):
            for kind in ("MEAN", "REDUCE_MAX"):
                x = _spread(net, _reduced(net, kind, x, *axes), x)
        x = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
    return x


def products(net: Int8Net) -> int:
    """Convolutions in groups, matrices on pixels, softmax."""
    x = net.conv(net.picture(SIDE, SIDE), 8, scale=0.02, gain=2)
    for groups, channels, side in ((2, 8, 3), (4, 16, 3), (2, 12, 1), (3, 24, 5), (8, 32, 3)):
        x = grouped(net, x, groups, channels, side)
    for channels in (8, 3, 20, 12):
        x = dense(net, x, channels)
        x = net.conv(softmax(net, x), channels + 1, (1, 1), scale=0.02, gain=2)
    return x


def moves(net: Int8Net) -> int:
    """Rows and columns turned round, channels too: pieces of many sizes."""
    x = net.conv(net.picture(SIDE, SIDE), 3, (1, 1), scale=0.02, gain=2)
    for channels in (1, 4, 16, 7):
        for axis in (1, 2, 3):
            turned = net.op("REVERSE_V2", (x, net.constant(np.array([axis], np.int32))), net.like(x, *net.shape(x)[1:]))
            x = net.conv(turned, channels, (1, 1), scale=0.02, gain=2)
    return x


def clamped(net: Int8Net) -> int:
    """A U-Net for Winograd's kernel, with clamps in every other convolution, of odd heights and widths."""

    def pair(x: int, channels: int) -> int:
        x = net.conv(x, channels, scale=0.04, gain=2, activation="RELU6")
        return net.conv(x, channels, scale=0.04, gain=2)

    x, skips = net.picture(44, 60), []
    for channels in (12, 24):
        skips.append(pair(x, channels))
        x = net.max_pool(skips[-1])
    x = pair(x, 32)
    for channels, skip in zip((24, 12), reversed(skips), strict=True):
        x = pair(net.join(net.up_conv(x, channels, scale=0.04, gain=2), skip), channels)
    return net.conv(x, 1, (1, 1), activation="NONE", zero_point=0)


def choices(net: Int8Net) -> tuple[int, ...]:
    """Which channel is largest, of two planes."""
    x = net.conv(net.picture(SIDE, SIDE), 5, scale=0.02, gain=2)
    y = net.conv(x, 21, (1, 1), scale=0.02, gain=2)
    return choice(net, x), choice(net, y)


def elementwise_int16(net: Int16Net) -> int:
    """Pairs of planes and of planes and constants, factors and curves, in 16 bits."""
    x = net.conv(net.picture(SIDE, SIDE), 3, (1, 1), scale=0.02, gain=2)
    for channels in (8, 1, 16, 5):
        x = y = net.conv(x, channels, (1, 1), scale=0.02, gain=2, activation="NONE")
        for kind in ("ADD", "MUL", "SUB"):
            scale = net.scale(x) * (0.9 if kind == "MUL" else 2.1)
            x = net.pairwise(kind, x, net.steps(1, 1, 1, channels, scale=1 / 40000), scale)
            x = net.pairwise(kind, x, net.logistic(y, "TANH"), scale)
        z = net.requantize(y, net.scale(x))
        x = net.pairwise("ADD", x, z, 1.9 * net.scale(x))  # of one scale: nothing is multiplied
        for kind in ("QUANTIZE", "RELU6", "LEAKY_RELU"):
            x = net.factor(kind, x, net.scale(x) * 0.8)
        x = net.pairwise("MUL", x, net.logistic(y), net.scale(x))
    one = net.conv(x, 1, (1, 1), scale=0.02, gain=2)
    return net.pairwise("MUL", x, one, net.scale(x))


def shapes_int16(net: Int16Net) -> int:
    """Pools, resizes, borders, joined and moved channels, in 16 bits."""
    x = net.conv(net.picture(SIDE, SIDE), 4, scale=0.02, gain=2)
    for channels, kind in ((6, "AVERAGE_POOL_2D"), (16, "MAX_POOL_2D"), (3, "AVERAGE_POOL_2D"), (8, "MAX_POOL_2D")):
        x = net.pool(kind, net.conv(x, channels, (1, 1), scale=0.02, gain=2), (3, 3), (1, 1), "NONE")
        x = net.pool(kind, x, (2, 2), (2, 2), "NONE")
        x = net.resize(x, SIDE, SIDE, bilinear=channels > 5)
        x = net.pool(kind, x, (4, 4), (4, 4), "RELU")
        x = net.resize(x, SIDE, SIDE, bilinear=channels < 10)
        y = net.conv(net.pad(x, (1, 1), (1, 1), (0, 0)), channels, padding="VALID", scale=0.02, gain=2)
        joined = net.pool("MAX_POOL_2D", net.join(net.requantize(y, net.scale(x)), x), (2, 2), (2, 2), "NONE")
        joined = net.resize(joined, SIDE, SIDE, bilinear=False)
        axis = net.constant(np.array([1 + channels % 3], np.int32))
        x = net.op("REVERSE_V2", (joined, axis), net.same(joined, net.shape(joined)), None, 2)
        x = net.pad(x, (0, 0), (0, 0), (1, 2)) if channels < 5 else x
    x = net.conv(x, 6, (1, 1), scale=0.02, gain=2)
    return net.pool("MAX_POOL_2D", net.join(x, x, x), (2, 2), (2, 2), "NONE")


def wide_int16(net: Int16Net) -> int:
    """Convolutions of so many numbers, or to scales so fine, that sums may leave 32 bits."""
    x = net.conv(net.picture(SIDE // 4, SIDE // 4), 120, (1, 1), scale=0.02, gain=2)
    for channels, side, stride in ((120, 3, 1), (5, 5, 1), (118, 1, 1), (16, 3, 2)):
        x = net.conv(x, channels, (side, side), stride=(stride, stride), scale=0.02, gain=200 if side == 1 else 2)
    for channels, side, stride in ((12, 3, 1), (5, 5, 1), (16, 3, 2)):
        y = net.conv(x, channels, (1, 1), scale=0.02, gain=200)
        x = net.depthwise(y, 1, (side, side), stride=(stride, stride), gain=200)
    return net.up_conv(net.depthwise(x, 2, gain=200), 8, scale=0.02, gain=200)


PROBES: dict[str, Callable[[Int8Net], int | tuple[int, ...]]] = {
    probe.__name__: probe
    for probe in (
        convolutions,
        strides,
        joins,
        transposed,
        separable,
        elementwise,
        shapes,
        copies,
        depthwise,
        reductions,
        products,
        moves,
        choices,
    )
}


PROBES_INT16: dict[str, Callable[[Int16Net], int]] = {
    **{f"{probe.__name__}_int16": probe for probe in (convolutions, strides, joins, transposed, separable, depthwise)},
    **{probe.__name__: probe for probe in (elementwise_int16, shapes_int16, wide_int16)},
}
"""The same with activations of 16 bits."""

OWN_KERNELS = {clamped.__name__: clamped}
"""Nets that are counted with the kernels that suit a board, and not with direct ones."""


def mobile_int16(net: Int16Net) -> int:
    """Inverted residuals down to an eighth and up again, with a skip, in 16 bits."""
    x = net.conv(net.picture(64, 96), 8, stride=(2, 2), scale=0.02, gain=2)
    skip = x
    for channels, stride in ((12, 2), (12, 1), (20, 2), (20, 1)):
        wide = net.conv(x, 3 * channels, (1, 1), scale=0.02, gain=2)
        deep = net.depthwise(wide, stride=(stride, stride), activation="RELU", scale=0.02, gain=2)
        y = net.conv(deep, channels, (1, 1), activation="NONE", scale=0.02, gain=2)
        x = net.pairwise("ADD", x, y, 1.7 * net.scale(y)) if stride == 1 else y
    x = net.requantize(net.resize(x, 32, 48, bilinear=True), net.scale(skip))
    x = net.conv(net.join(x, skip), 16, scale=0.02, gain=2)
    return net.logistic(net.conv(net.up_conv(x, 6, (3, 3), scale=0.02), 1, (1, 1), activation="NONE", scale=0.02))


def tried() -> dict[str, bytes]:
    """Nets that prices are not fitted to, by name; unet8 of bench_models.py is one more."""
    mask_head = Path(__file__).parents[1] / "models" / "mask8" / "int8.tflite"
    net, wide, mobile = Int8Net(seed=6), Int16Net(seed=6), Int16Net(seed=7)
    return {
        "unet6": net.tflite(unet(net, 6, 2, (64, 48))),
        "mask8": mask_head.read_bytes(),
        "unet6_int16": wide.tflite(unet(wide, 6, 2, (64, 48))),
        "mobile_int16": mobile.tflite(mobile_int16(mobile)),
    }


def main(folder: Path) -> None:
    made: dict[str, tuple[Int8Net, int | tuple[int, ...]]] = {}
    for name, probe in (PROBES | OWN_KERNELS).items():
        net = Int8Net(seed=len(name))
        made[name] = net, probe(net)
    for name, wide in PROBES_INT16.items():
        net16 = Int16Net(seed=len(name))
        made[name] = net16, wide(net16)
    for name, (net, ends) in made.items():
        place = folder / "suited" if name in OWN_KERNELS else folder
        write_bytes(place / f"{name}.tflite", net.tflite(*(ends if isinstance(ends, tuple) else (ends,))))
    for name, data in tried().items():
        write_bytes(folder / f"{name}.tflite", data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for the nets")
    main(parser.parse_args().folder)
