"""Nets of chosen kernels, in layers of like size: what the size of compiled code is measured on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from int8_nets import Int8Net, unet
from int16_nets import Int16Net

from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.options import (
    AddOptions,
    ArgMaxOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    FullyConnectedOptions,
    MulOptions,
    Options,
    Pool2DOptions,
    ReducerOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SoftmaxOptions,
    SpaceToDepthOptions,
)

SIDE = 16
Step = Callable[[Int8Net, int], int]


def _conv(net: Int8Net, source: int) -> int:
    """Of other sizes each time: what layers have in common the compiler takes out."""
    return net.conv(source, 4 + 4 * (len(net.ops) % 3), (3, 3) if len(net.ops) % 4 < 3 else (1, 1))


def _pool(net: Int8Net, source: int) -> int:
    shape = net.shape(source)[1:]
    return net.op("AVERAGE_POOL_2D", (source,), net.like(source, *shape), Pool2DOptions("SAME", 1, 1, 3, 3, "NONE"), 2)


def _add(net: Int8Net, source: int) -> int:
    output = net.plane(net.shape(source), 0.1, -3)
    return net.op("ADD", (source, net.steps(1, 1, 1, net.shape(source)[3])), output, AddOptions("NONE"), 2)


def _mul(net: Int8Net, source: int) -> int:
    output = net.plane(net.shape(source), 0.05, 2)
    return net.op("MUL", (source, net.steps(1, 1, 1, net.shape(source)[3])), output, MulOptions("NONE"), 2)


def _prelu(net: Int8Net, source: int) -> int:
    return net.op("PRELU", (source, net.steps(1, 1, net.shape(source)[3])), net.plane(net.shape(source), 0.05, 2))


def _pad(net: Int8Net, source: int) -> int:
    _, height, width, channels = net.shape(source)
    output = net.like(source, height + 2, width + 2, channels)
    return net.op("PAD", (source, net.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))), output, None, 2)


def _resize(net: Int8Net, source: int, kind: str) -> int:
    _, height, width, channels = net.shape(source)
    made = {"RESIZE_BILINEAR": ResizeBilinearOptions, "RESIZE_NEAREST_NEIGHBOR": ResizeNearestNeighborOptions}[kind]
    size = net.constant(np.array([2 * height, 2 * width], np.int32))
    return net.op(kind, (source, size), net.like(source, 2 * height, 2 * width, channels), made(False, True), 3)


def _to_depth(net: Int8Net, source: int) -> int:
    _, height, width, channels = net.shape(source)
    output = net.like(source, height // 2, width // 2, channels * 4)
    return net.op("SPACE_TO_DEPTH", (source,), output, SpaceToDepthOptions(2))


def _to_space(net: Int8Net, source: int) -> int:
    _, height, width, channels = net.shape(source)
    wide = net.join(source, source, source, source)
    output = net.like(source, height * 2, width * 2, channels)
    return net.op("DEPTH_TO_SPACE", (wide,), output, DepthToSpaceOptions(2))


def _like(net: Int8Net, source: int, kind: str, inputs: tuple[int, ...], *shape: int, options: Options | None) -> int:
    scale, zero_point = net.tensors[source].scales[0], net.tensors[source].zero_points[0]
    return net.op(kind, inputs, net.plane(shape, scale, zero_point), options, 2)


def _reduced(kind: str) -> Step:
    def step(net: Int8Net, source: int) -> int:
        axis = net.constant(np.array([3], np.int32))
        return _like(net, source, kind, (source, axis), *net.shape(source)[:3], 1, options=ReducerOptions(True))

    return step


def _extreme(net: Int8Net, source: int) -> int:
    return _like(net, source, "MAXIMUM", (source, _pool(net, source)), *net.shape(source), options=None)


def _flip(net: Int8Net, source: int) -> int:
    return _like(
        net, source, "REVERSE_V2", (source, net.constant(np.array([2], np.int32))), *net.shape(source), options=None
    )


def softmax(net: Int8Net, source: int) -> int:
    """Over the channels."""
    return net.op("SOFTMAX", (source,), net.plane(net.shape(source), 1 / 256, -128), SoftmaxOptions(1.0))


def dense(net: Int8Net, source: int, channels: int = 8) -> int:
    """FULLY_CONNECTED on each pixel."""
    _, height, width, inputs = net.shape(source)
    weights = net.constant(net.random.integers(-127, 128, (channels, inputs)).astype(np.int8), [0.01])
    bias = net.constant(np.zeros(channels, np.int32), [0.01 * net.tensors[source].scales[0]])
    output = net.plane((1, height, width, channels), 0.05, 2)
    return net.op("FULLY_CONNECTED", (source, weights, bias), output, FullyConnectedOptions("NONE", True), 5)


def choice(net: Int8Net, source: int) -> int:
    """ARG_MAX over the channels, which can only end a net."""
    _, height, width, _ = net.shape(source)
    axis = net.constant(np.array([3], np.int32))
    return net.op("ARG_MAX", (source, axis), net.tensor((1, height, width), "int32"), ArgMaxOptions("INT32"), 2)


def grouped(net: Int8Net, source: int, groups: int = 2, channels: int = 8, side: int = 3) -> int:
    """CONV_2D in groups."""
    _, height, width, inputs = net.shape(source)
    shape = (channels, side, side, inputs // groups)
    weights = net.constant(net.random.integers(-127, 128, shape).astype(np.int8), [0.01] * channels)
    bias = net.constant(np.zeros(channels, np.int32), [0.01 * net.tensors[source].scales[0]] * channels)
    output = net.plane((1, height, width, channels), 0.05, 2)
    return net.op("CONV_2D", (source, weights, bias), output, Conv2DOptions("SAME", 1, 1, 1, 1, "NONE"), 5)


STEPS: dict[str, Step] = {
    "conv_2d": _conv,
    "depthwise_conv_2d": lambda net, x: net.depthwise(x),
    "transpose_conv": lambda net, x: net.up_conv(x, 8, (3, 3)),
    "max_pool_2d": lambda net, x: net.max_pool(x),
    "average_pool_2d": _pool,
    "concatenation": lambda net, x: net.join(x, x),
    "lookup": lambda net, x: net.requantize(x, 0.07, 3),
    "add": _add,
    "mul": _mul,
    "prelu": _prelu,
    "pad": _pad,
    "resize_bilinear": lambda net, x: _resize(net, x, "RESIZE_BILINEAR"),
    "resize_nearest_neighbor": lambda net, x: _resize(net, x, "RESIZE_NEAREST_NEIGHBOR"),
    "space_to_depth": _to_depth,
    "depth_to_space": _to_space,
    "extremes": _extreme,
    "fully_connected": dense,
    "grouped_conv_2d": grouped,
    "move": _flip,
    "reduce_extreme": _reduced("REDUCE_MAX"),
    "reduce_sum": _reduced("MEAN"),
    "softmax": softmax,
    "arg_max": choice,
}
"""By kernel: adds a layer of it to a net. That of arg_max can only end one."""

StepInt16 = Callable[[Int16Net, int], int]


def _flip_int16(net: Int16Net, source: int) -> int:
    axis = net.constant(np.array([2], np.int32))
    return net.op("REVERSE_V2", (source, axis), net.same(source, net.shape(source)), None, 2)


def _pairwise(kind: str, factor: float) -> StepInt16:
    def step(net: Int16Net, source: int) -> int:
        constant = net.steps(1, 1, 1, net.shape(source)[3], scale=1e-4)
        return net.pairwise(kind, source, constant, net.scale(source) * factor)

    return step


def _enlarged(*, bilinear: bool) -> StepInt16:
    return lambda net, x: net.resize(x, 2 * net.shape(x)[1], 2 * net.shape(x)[2], bilinear=bilinear)


STEPS_INT16: dict[str, StepInt16] = {
    "conv_2d_int16": _conv,
    "depthwise_conv_2d_int16": lambda net, x: net.depthwise(x),
    "transpose_conv_int16": lambda net, x: net.up_conv(x, 8, (3, 3)),
    "max_pool_2d_int16": lambda net, x: net.pool("MAX_POOL_2D", x, (2, 2), (2, 2), "NONE"),
    "average_pool_2d_int16": lambda net, x: net.pool("AVERAGE_POOL_2D", x, (3, 3), (1, 1), "NONE"),
    "concatenation_int16": lambda net, x: net.join(x, x),
    "lookup_int16": lambda net, x: net.logistic(x),
    "requantize_int16": lambda net, x: net.factor("QUANTIZE", x, net.scale(x) * 1.3),
    "add_int16": _pairwise("ADD", 1.7),
    "mul_int16": _pairwise("MUL", 0.9),
    "pad_int16": lambda net, x: net.pad(x, (1, 1), (1, 1), (0, 0)),
    "resize_bilinear_int16": _enlarged(bilinear=True),
    "resize_nearest_neighbor_int16": _enlarged(bilinear=False),
    "move_int16": _flip_int16,
}
"""The same of 16 bits."""


def sample_int16(*kernels: str) -> Graph:
    """As `sample`."""
    net = Int16Net(seed=1)
    plane = net.picture(SIDE, SIDE)
    for kernel in kernels:
        plane = STEPS_INT16[kernel](net, plane)
    return net.graph(plane)


def every_kernel_int16() -> Graph:
    """A net that takes all kernels of 16 bits."""
    return sample_int16(
        "conv_2d_int16", "depthwise_conv_2d_int16", "requantize_int16", "add_int16", "mul_int16",
        "average_pool_2d_int16", "max_pool_2d_int16", "transpose_conv_int16", "pad_int16", "max_pool_2d_int16",
        "resize_nearest_neighbor_int16", "resize_bilinear_int16", "max_pool_2d_int16", "move_int16", "lookup_int16",
        "concatenation_int16",
    )  # fmt: skip


def samples_int16() -> list[Graph]:
    """As `samples`."""
    chains = [("conv_2d_int16",) * 2, ("conv_2d_int16",) * 4]
    for kernel in STEPS_INT16:
        if kernel != "conv_2d_int16":
            chains += [("conv_2d_int16", kernel) * 2, ("conv_2d_int16", kernel) * 4]
    return [sample_int16(*chain) for chain in chains]


def sample(*kernels: str) -> Graph:
    """A net of a 16x16 picture that goes through these kernels one after the other."""
    net = Int8Net(seed=1)
    plane = net.picture(SIDE, SIDE)
    for kernel in kernels:
        plane = STEPS[kernel](net, plane)
    return net.graph(plane)


def every_kernel() -> Graph:
    """A net that takes all kernels."""
    return sample(
        "lookup", "conv_2d", "depthwise_conv_2d", "add", "mul", "prelu", "average_pool_2d", "max_pool_2d",
        "transpose_conv", "pad", "max_pool_2d", "resize_nearest_neighbor", "resize_bilinear", "depth_to_space",
        "max_pool_2d", "max_pool_2d", "space_to_depth", "concatenation", "extremes", "fully_connected",
        "grouped_conv_2d", "move", "softmax", "reduce_extreme", "conv_2d", "reduce_sum", "conv_2d", "arg_max",
    )  # fmt: skip


def samples() -> list[Graph]:
    """Nets that tell apart what the engine, each kernel and each layer of it take.

    Each kernel is there twice and four times: of one that is there once, the compiler drops what its layer lacks.
    """
    chains = [("max_pool_2d",) * 2, ("conv_2d",) * 2, ("conv_2d",) * 4, ("lookup", "conv_2d", "conv_2d")]
    for kernel in STEPS:
        if kernel == "arg_max":
            chains += [("conv_2d", kernel)]
        elif kernel not in ("conv_2d", "lookup"):  # a table after a layer is folded into it
            chains += [("conv_2d", kernel) * 2, ("conv_2d", kernel) * 4]
    return [sample(*chain) for chain in chains] + unets(2, 16)


def unets(*widths: int) -> list[Graph]:
    """U-Nets of three levels on 32x32 pixels."""
    nets = [(Int8Net(seed=width), width) for width in widths]
    return [net.graph(unet(net, width, 3, (32, 32))) for net, width in nets]
