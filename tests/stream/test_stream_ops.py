"""Each operator of the streaming engine gives LiteRT's reference bytes, or refuses with a sentence."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from int8_nets import Int8Net, differing_bytes, picture_bytes

from edgeblur.errors import UserError
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import Net, Node, Plane, Window
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.ops.lookup import Lookup
from edgeblur.export.stream.ops.resize_nearest_neighbor import nearest
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.passes.index_maps import MOVERS
from edgeblur.export.stream.passes.pointwise import ONLY_TABLES
from edgeblur.export.stream.passes.simplify import simplify
from edgeblur.export.tflite.graph import ABSENT, Graph
from edgeblur.export.tflite.options import (
    AddOptions,
    DepthToSpaceOptions,
    FullyConnectedOptions,
    GatherOptions,
    LeakyReluOptions,
    MulOptions,
    Options,
    Pool2DOptions,
    ReducerOptions,
    ReshapeOptions,
    ResizeBilinearOptions,
    ResizeNearestNeighborOptions,
    SoftmaxOptions,
    SpaceToDepthOptions,
    SubOptions,
    TransposeConvOptions,
)
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import FLAGS, NAME, compile_for_host

ROOT = Path(__file__).parents[2]

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
ARITHMETIC: dict[str, Callable[[str], Options]] = {"ADD": AddOptions, "MUL": MulOptions, "SUB": SubOptions}


def size(net: Int8Net, plane: int) -> tuple[int, int, int]:
    _, height, width, channels = net.shape(plane)
    return height, width, channels


def int32(net: Int8Net, *numbers: Any) -> int:
    return net.constant(np.array(numbers, np.int32))


def add_op(net: Int8Net, kind: str, inputs: Sequence[int], output: int, options: Options | None = None) -> int:
    versions = {"PRELU": 1, "DEPTH_TO_SPACE": 1, "SPACE_TO_DEPTH": 1, "RELU": 1, "RELU_N1_TO_1": 1, "HARD_SWISH": 1}
    return net.op(kind, inputs, output, options, versions.get(kind, 2))


def pool(padding: str, stride: tuple[int, int], window: tuple[int, int], activation: str = "NONE") -> Pool2DOptions:
    return Pool2DOptions(padding, *stride, *window, activation)


# Convolutions and pools


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding", "activation", "zero_points"),
    [
        ((3, 3), (1, 1), (1, 1), "SAME", "NONE", (-128, 127)),
        ((5, 2), (2, 1), (1, 1), "VALID", "RELU", (127, -128)),
        ((3, 3), (1, 1), (3, 2), "SAME", "RELU6", (0, 5)),
        ((2, 2), (3, 2), (1, 1), "SAME", "RELU_N1_TO_1", (-3, 0)),
        ((2, 3), (1, 1), (1, 9), "SAME", "NONE", (127, 127)),  # most taps lie outside the picture
        ((1, 4), (1, 3), (1, 1), "VALID", "NONE", (-128, -128)),
    ],
)
def test_depthwise_convolution(multiplier, kernel, stride, dilation, padding, activation, zero_points) -> None:
    net = Int8Net()
    x = net.picture(13, 11, zero_point=zero_points[0])
    y = net.depthwise(x, multiplier, kernel, stride=stride, dilation=dilation, padding=padding, activation=activation,
                      zero_point=zero_points[1], spread=2.5)  # fmt: skip
    assert differing_bytes(net, y) == 0


@pytest.mark.parametrize("gain", [0.3, 40, 4000])
def test_multipliers_far_from_one(gain: float) -> None:
    """Those above 1 shift sums to the left before they are multiplied, and the largest shift bits out."""
    net = Int8Net()
    x = net.picture(9, 8, zero_point=3)
    a = net.conv(x, 5, activation="NONE", zero_point=7, gain=gain)
    b = net.depthwise(x, 2, zero_point=7, gain=gain, spread=2, bias=False)
    c = net.up_conv(x, 4, (3, 3), stride=(1, 1), zero_point=7, gain=gain)
    assert differing_bytes(net, net.join(a, b, c)) == 0


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize(
    ("given", "options"),
    [
        ((7, 4), pool("SAME", (2, 3), (3, 4))),
        ((6, 3), pool("VALID", (2, 3), (3, 4), "RELU")),
        ((13, 11), pool("SAME", (1, 1), (5, 20), "RELU6")),  # windows wider than the picture
        ((3, 3), pool("SAME", (5, 4), (1, 2), "RELU_N1_TO_1")),
        ((1, 1), pool("VALID", (1, 1), (13, 11))),
    ],
)
def test_pool(kind: str, given: tuple[int, int], options: Pool2DOptions) -> None:
    net = Int8Net()
    y = net.conv(net.picture(13, 11), 13, activation="NONE", scale=0.04, zero_point=-3)
    assert differing_bytes(net, add_op(net, kind, (y,), net.like(y, *given, 13), options)) == 0


@pytest.mark.parametrize(
    ("taken", "given", "kernel", "options"),
    [
        ((5, 4), (9, 8), (3, 3), TransposeConvOptions("SAME", 2, 2, "RELU")),
        ((4, 5), (13, 6), (4, 2), TransposeConvOptions("VALID", 3, 1, "NONE")),
        ((3, 2), (11, 9), (1, 5), TransposeConvOptions("SAME", 4, 5, "RELU6")),
    ],
)
def test_transposed_convolution(taken, given, kernel, options) -> None:
    net = Int8Net()
    x = net.picture(*taken, zero_point=127)
    weights = net.constant(net.random.integers(-127, 128, (4, *kernel, 3)).astype(np.int8), [1e-2, 1e-3, 1e-4, 0.1])
    inputs = (int32(net, 1, *given, 4), weights, x)
    y = net.op("TRANSPOSE_CONV", inputs, net.plane((1, *given, 4), 0.05, 3), options, version=4)
    assert differing_bytes(net, y) == 0


# Two operands

CONSTANTS = ((), (1,), (3,), (1, 1, 1, 3), (1, 1, 3), (1, 6, 7, 3), (7, 1), (1, 6, 1, 1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", sorted(ARITHMETIC))
def test_arithmetic_with_constants(kind: str, activation: str) -> None:
    """Each shape of constant, before and behind the plane, with scales and zero points from everywhere."""
    net = Int8Net(seed=3)
    x, parts = net.picture(6, 7, scale=0.01, zero_point=0), []
    for i, shape in enumerate(CONSTANTS * 2):
        zero_points = [(-128, 127), (127, -128), (0, 1), (-5, 100)][i % 4]
        plane = net.requantize(x, [0.008, 0.02, 0.2][i % 3], zero_points[0])
        constant = net.steps(*shape, scale=[0.01, 0.3, 1e-4][i // 3 % 3], zero_point=zero_points[1])
        inputs = (plane, constant) if i < len(CONSTANTS) else (constant, plane)
        given = net.plane(net.shape(x), 0.04, -20)
        parts.append(add_op(net, kind, inputs, given, ARITHMETIC[kind](activation)))
    assert differing_bytes(net, net.join(*parts)) == 0


@pytest.mark.parametrize("kind", sorted(ARITHMETIC))
def test_arithmetic_of_planes(kind: str) -> None:
    """Planes of one size, of one channel, of one row, of one pixel; and a plane with itself."""
    net = Int8Net()
    x = net.picture(6, 5)
    a, b = net.conv(x, 4, activation="NONE", zero_point=-7), net.depthwise(net.conv(x, 4), zero_point=127, scale=0.3)
    mask = net.conv(x, 1, activation="NONE", zero_point=4, scale=0.1)
    pools = [pool("VALID", (1, 1), (6, 1)), pool("VALID", (1, 1), (6, 5))]
    row = add_op(net, "AVERAGE_POOL_2D", (a,), net.like(a, 1, 5, 4), pools[0])
    pixel = add_op(net, "MAX_POOL_2D", (mask,), net.like(mask, 1, 1, 1), pools[1])
    parts = [
        add_op(net, kind, inputs, net.plane(net.shape(a), 0.2, 10), ARITHMETIC[kind]("NONE"))
        for inputs in ((a, b), (b, a), (a, mask), (mask, b), (row, a), (a, pixel), (mask, row), (a, a))
    ]
    assert differing_bytes(net, net.join(*parts)) == 0


@pytest.mark.parametrize("zero_points", [(-128, 127, 0), (127, -128, 5), (3, -9, -128)])
def test_prelu(zero_points: tuple[int, int, int]) -> None:
    net = Int8Net()
    x, parts = net.picture(6, 7, zero_point=zero_points[0]), []
    for i, shape in enumerate([(1, 1, 3), (3,), (1, 1, 1), (6, 7, 3), (1, 6, 1, 3)]):
        alpha = net.steps(*shape, scale=[0.01, 0.3, 1e-4][i % 3], zero_point=zero_points[1])
        parts.append(add_op(net, "PRELU", (x, alpha), net.plane(net.shape(x), 0.03, zero_points[2])))
    assert differing_bytes(net, net.join(*parts)) == 0


# Places

RESIZES: dict[str, Callable[[bool, bool], Options]] = {
    "RESIZE_BILINEAR": ResizeBilinearOptions,
    "RESIZE_NEAREST_NEIGHBOR": ResizeNearestNeighborOptions,
}
SIZES = (((5, 7), (10, 14)), ((6, 4), (3, 11)), ((1, 9), (4, 1)), ((8, 5), (5, 40)))


@pytest.mark.parametrize(("align", "half"), [(False, False), (False, True), (True, False)])
@pytest.mark.parametrize("kind", sorted(RESIZES))
def test_resize(kind: str, align: bool, half: bool) -> None:
    for taken, given in SIZES:
        net = Int8Net()
        y = net.conv(net.picture(*taken), 9, (1, 1), activation="NONE", scale=0.01)
        z = add_op(net, kind, (y, int32(net, *given)), net.like(y, *given, 9), RESIZES[kind](align, half))
        assert differing_bytes(net, z) == 0, (taken, given)


def test_nearest_neighbours_of_any_two_sizes() -> None:
    """The places alone, with no C: in float32 they depend on the last bit here and there."""
    random = np.random.default_rng(0)
    for _ in range(150):
        taken, given = (int(n) for n in random.integers(1, [400, 900]))
        options = ResizeNearestNeighborOptions(*(bool(flag) for flag in random.integers(0, 2, 2)))
        net = Int8Net()
        x = net.picture(1, taken, 3)
        y = add_op(net, "RESIZE_NEAREST_NEIGHBOR", (x, int32(net, 1, given)), net.like(x, 1, given, 3), options)
        picture = picture_bytes(net)
        expected = open_engine("litert-ref", net.tflite(y)).run(picture)
        assert np.array_equal(picture[:, :, list(nearest(taken, given, options))], expected), (taken, given, options)


def test_space_to_depth_and_back() -> None:
    net = Int8Net()
    x = net.picture(6, 12)
    y = add_op(net, "SPACE_TO_DEPTH", (x,), net.like(x, 2, 4, 27), SpaceToDepthOptions(3))
    y = net.conv(y, 36, (3, 3), activation="NONE", zero_point=3)
    y = add_op(net, "DEPTH_TO_SPACE", (y,), net.like(y, 4, 8, 9), DepthToSpaceOptions(2))
    y = add_op(net, "DEPTH_TO_SPACE", (y,), net.like(y, 12, 24, 1), DepthToSpaceOptions(3))
    assert differing_bytes(net, y) == 0


@pytest.mark.parametrize("value", [None, -7])
@pytest.mark.parametrize(
    "paddings", [[[1, 2], [3, 0], [0, 0]], [[0, 0], [0, 2], [1, 2]], [[9, 9], [0, 0], [0, 0]], [[0, 0], [0, 0], [0, 0]]]
)
def test_pad(paddings: list[list[int]], value: int | None) -> None:
    """Also as the last op, whose first rows need none of the picture's."""
    net = Int8Net()
    x = net.picture(4, 6)
    pads = net.constant(np.array([[0, 0], *paddings], np.int64 if value else np.int32))
    given = net.like(x, *(n + before + after for n, (before, after) in zip((4, 6, 3), paddings, strict=True)))
    inputs = [pads] if value is None else [pads, net.constant(np.int8(value), [1 / 255], 0, [-128])]
    y = add_op(net, "PAD" if value is None else "PADV2", (x, *inputs), given)
    assert differing_bytes(net, y) == 0
    assert differing_bytes(net, net.conv(y, 2, (3, 3), stride=(2, 1), activation="NONE", zero_point=0)) == 0


# Tables and ends


@pytest.mark.parametrize(("taken", "given"), [("uint8", "int8"), ("int8", "uint8"), ("uint8", "uint8")])
def test_pictures_of_unsigned_bytes(taken: str, given: str) -> None:
    net = Int8Net()
    x = net.picture(7, 6)
    net.tensors[x] = dataclasses.replace(net.tensors[x], dtype=taken, zero_points=(3 if taken == "uint8" else -128,))
    y = net.conv(net.requantize(x, 0.005, -100), 3, activation="NONE", zero_point=4, scale=0.01)
    assert differing_bytes(net, net.requantize(y, 0.008, 130 if given == "uint8" else -9, given)) == 0


def test_unsigned_bytes_and_nothing_else() -> None:
    """The pixels are what the model takes: no table, no requantization, a kernel that is a copy."""
    net = Int8Net()
    x = net.picture(5, 6)
    net.tensors[x] = dataclasses.replace(net.tensors[x], dtype="uint8", zero_points=(0,))
    y = net.plane(net.shape(x), 1 / 255, 0, "uint8")
    assert differing_bytes(net, net.op("RESHAPE", (x, int32(net, 1, 5, 6, 3)), y, ReshapeOptions((1, 5, 6, 3)))) == 0


def test_a_table_changes_no_plane_that_has_another_reader() -> None:
    """A reshaped plane is the same node: what reads it under its old name wants its bytes as they were."""
    net = Int8Net()
    y = net.conv(net.picture(6, 5), 4, activation="NONE", zero_point=0)
    renamed = net.op("RESHAPE", (y, int32(net, *net.shape(y))), net.like(y, 6, 5, 4), ReshapeOptions(net.shape(y)))
    sigmoid = net.logistic(renamed)
    z = add_op(net, "MUL", (y, sigmoid), net.plane(net.shape(y), 0.03, 5), MulOptions("NONE"))
    assert differing_bytes(net, z) == 0


# All of them in one net


def every_op() -> tuple[Int8Net, int]:
    """A net of every operator that the engine takes, and its output."""
    net = Int8Net()
    x = net.picture(12, 10)
    net.tensors[x] = dataclasses.replace(net.tensors[x], dtype="uint8", zero_points=(128,))
    x = net.requantize(x, 0.008, 3)
    y = net.conv(x, 8, stride=(2, 2), activation="NONE", zero_point=2)
    y = net.depthwise(y, scale=0.03, zero_point=-9)
    y = add_op(net, "PRELU", (y, net.steps(1, 1, 8)), net.plane(net.shape(y), 0.02, -40))
    for kind in ("HARD_SWISH", "LEAKY_RELU", "RELU", "RELU6", "RELU_N1_TO_1"):
        branch = add_op(net, kind, (y,), net.plane(net.shape(y), 0.02, -50), LeakyReluOptions(0.1))
        net.ops[-1] = net.ops[-1] if kind == "LEAKY_RELU" else dataclasses.replace(net.ops[-1], options=None)
        y = add_op(net, "ADD", (y, branch), net.plane(net.shape(y), 0.03, -60), AddOptions("NONE"))
    tanh = add_op(net, "TANH", (y,), net.plane(net.shape(y), 1 / 128, 0))
    y = add_op(net, "SUB", (y, tanh), net.plane(net.shape(y), 0.03, -30), SubOptions("NONE"))
    y = add_op(net, "MUL", (y, net.steps(8)), net.plane(net.shape(y), 0.03, 4), MulOptions("NONE"))
    pads = net.constant(np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32))
    y = add_op(net, "PAD", (y, pads), net.like(y, 8, 8, 8))
    y = add_op(net, "PADV2", (y, pads, net.constant(np.int8(5), [0.03], 0, [4])), net.like(y, 10, 11, 8))
    y = add_op(net, "RESIZE_BILINEAR", (y, int32(net, 6, 8)), net.like(y, 6, 8, 8), ResizeBilinearOptions(False, True))
    y = add_op(net, "SPACE_TO_DEPTH", (y,), net.like(y, 3, 4, 32), SpaceToDepthOptions(2))
    y = add_op(net, "DEPTH_TO_SPACE", (y,), net.like(y, 6, 8, 8), DepthToSpaceOptions(2))
    for kind in ("MAXIMUM", "MINIMUM"):
        y = add_op(net, kind, (y, net.steps(8, scale=0.03, zero_point=4)), net.like(y, 6, 8, 8))
    for kind in ("MEAN", "REDUCE_MAX", "REDUCE_MIN"):
        given = net.like(y, 6, 1, 8) if kind.startswith("REDUCE") else net.plane((1, 6, 1, 8), 0.05, 4)
        reduced = add_op(net, kind, (y, int32(net, 2)), given, ReducerOptions(True))
        y = add_op(net, "ADD", (y, reduced), net.like(y, 6, 8, 8), AddOptions("NONE"))
    softmax = add_op(net, "SOFTMAX", (y,), net.plane(net.shape(y), 1 / 256, -128), SoftmaxOptions(1.0))
    y = add_op(net, "ADD", (y, softmax), net.like(y, 6, 8, 8), AddOptions("NONE"))
    weights = net.constant(net.random.integers(-127, 128, (8, 8)).astype(np.int8), [0.005])
    given = net.plane(net.shape(y), 0.03, 4)
    y = add_op(net, "FULLY_CONNECTED", (y, weights, ABSENT), given, FullyConnectedOptions("NONE", True))
    y = add_op(net, "GATHER", (y, int32(net, 7, 6, 5, 4, 3, 2, 1, 0)), net.like(y, 6, 8, 8), GatherOptions(3, 0))
    y = add_op(net, "ABS", (y,), net.like(y, 6, 8, 8))
    options = ResizeNearestNeighborOptions(False, False)
    y = add_op(net, "RESIZE_NEAREST_NEIGHBOR", (y, int32(net, 6, 5)), net.like(y, 6, 5, 8), options)
    y = net.op("RESHAPE", (y, int32(net, 1, 6, 5, 8)), net.like(y, 6, 5, 8), ReshapeOptions((1, 6, 5, 8)))
    y = net.join(y, net.max_pool(y, (1, 1)))
    y = add_op(net, "AVERAGE_POOL_2D", (y,), net.like(y, 6, 5, 16), pool("SAME", (1, 1), (3, 3)))
    return net, net.requantize(net.logistic(net.up_conv(y, 3)), 1 / 255, 0, "uint8")


def test_every_op_gives_the_reference_bytes() -> None:
    net, output = every_op()
    written_here, elsewhere = {"MOVE", "TABLE"}, {"ARG_MAX", "ARG_MIN", "EXPAND_DIMS", "SQUEEZE", "SUM"}
    assert {op.kind for op in net.ops} >= LOWERINGS.keys() - elsewhere - written_here
    assert {op.kind for op in simplify(net.graph(output)).ops} >= written_here
    assert differing_bytes(net, output) == 0


@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("command", ["clang -O2", "gcc -O3", "arm-none-eabi-gcc -mcpu=cortex-m4 -Os"])
def test_every_kernel_compiles_without_a_word(command: str, optimize: str, tmp_path: Path) -> None:
    """Also by itself: without the functions that other kernels share."""
    if shutil.which(command.split()[0]) is None:
        pytest.skip(f"{command.split()[0]} is not installed")
    net, output = every_op()
    alone = Int8Net()
    picture = alone.picture(4, 4)
    pads = alone.constant(np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32))
    nets = [(net, output), (alone, add_op(alone, "PAD", (picture, pads), alone.like(picture, 6, 7, 3)))]
    for one, last in nets:
        model = open_engine("litert-ref", one.tflite(last)).model
        compile_for_host(model, StreamOptions(optimize)).files.write(tmp_path, NAME)
        words = [*command.split(), *FLAGS, "-c", str(tmp_path / f"{NAME}.c"), "-o", str(tmp_path / "model.o")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


# Refusals


def pixel_net(kind: str, options: Options | None, given: Sequence[int], *inputs: int, net: Int8Net) -> Graph:
    """A net of a convolution of 6x5x4 and one op behind it."""
    y = net.conv(net.picture(6, 5), 4, activation="NONE", zero_point=0)
    return net.graph(net.op(kind, (y, *inputs), net.like(y, *given), options, 1))


def refused(kind: str, words: str, options: Options | None, given: Sequence[int], *constants: Any, scale: float = 0.01):
    """A case of an op on a plane of 6x5x4; its constants are int32, or int8 with a scale, as they come."""
    return pytest.param(kind, words, options, given, constants, scale, id=f"{kind}: {words}")


SAME = (6, 5, 4)
BILINEAR, NEAREST = ResizeBilinearOptions, ResizeNearestNeighborOptions
REFUSED = [
    refused("ADD", "inputs are 6x5x4 and 1x1x3; make them one size", AddOptions("NONE"), SAME, np.int8([1, 2, 3])),
    refused("ADD", "constant 't.*' is int32; it should be int8", AddOptions("NONE"), SAME, np.int32([1])),
    refused("ADD", "fused activation TANH has no integer kernel", AddOptions("TANH"), SAME, np.int8([1])),
    refused("ADD", "scale 0.05 is too small", AddOptions("NONE"), SAME, np.int8([1]), scale=3e4),
    refused("ADD", "1 inputs; convert the model anew", AddOptions("NONE"), SAME),
    refused("SUB", "it has no options", None, SAME, np.int8([1])),
    refused("MUL", "should be 1x6x5x4, and the file says 1x6x4x4", MulOptions("NONE"), (6, 4, 4), np.int8([1])),
    refused("MUL", "scale 0.05 is too small", MulOptions("NONE"), SAME, np.int8([1]), scale=1e20),
    refused("PRELU", "6x5x4 and 1x1x5", None, SAME, np.int8([1] * 5)),
    refused("PAD", r"paddings are \[\[1, 0\]", None, SAME, np.int32([[1, 0], [0, 0], [0, 0], [0, 0]])),
    refused("PAD", "-1.*; pad height, width and", None, (5, 5, 4), np.int32([[0, 0], [-1, 0], [0, 0], [0, 0]])),
    refused("PAD", r"paddings are \[\[0, 0\]\]; pad", None, (5, 5, 4), np.int32([[0, 0]])),
    refused("PAD", "should be 1x7x5x4", None, SAME, np.int32([[0, 0], [1, 0], [0, 0], [0, 0]])),
    refused("PADV2", "1 numbers of another scale", None, SAME, np.zeros((4, 2), np.int32), np.int8(3)),
    refused("DEPTH_TO_SPACE", "4 channels do not fill blocks of 3x3", DepthToSpaceOptions(3), (18, 15, 1)),
    refused("DEPTH_TO_SPACE", "block size is 0", DepthToSpaceOptions(0), SAME),
    refused("SPACE_TO_DEPTH", "6x5 does not fall into blocks of 2x2", SpaceToDepthOptions(2), (3, 3, 16)),
    refused("RESIZE_BILINEAR", "set one of the two", BILINEAR(True, True), (9, 9, 4), np.int32([9, 9])),
    refused("RESIZE_BILINEAR", r"told to make \(9, 8\)", BILINEAR(True, False), (9, 9, 4), np.int32([9, 8])),
    refused("RESIZE_BILINEAR", "makes 3400 pixels", BILINEAR(False, False), (9, 3400, 4), np.int32([9, 3400])),
    refused("RESIZE_NEAREST_NEIGHBOR", "be 1x9x9x4, and", NEAREST(True, True), (9, 9, 3), np.int32([9, 9])),
    refused("AVERAGE_POOL_2D", "window is larger than its input", pool("VALID", (1, 1), (7, 2)), (1, 4, 4)),
    refused("AVERAGE_POOL_2D", "size 2, stride 0", pool("SAME", (0, 1), (2, 2)), SAME),
    refused("AVERAGE_POOL_2D", "make its window smaller", pool("SAME", (1, 1), (30000, 30000)), SAME),
    refused("MAX_POOL_2D", "1x3x3x4, and the file says 1x4x3x4", pool("SAME", (2, 2), (2, 2)), (4, 3, 4)),
    refused("RELU", "should be 1x6x5x4", None, (6, 5, 5)),
    refused("MEAN", "reduces the axes", ReducerOptions(True), (6, 5, 4), np.int32([0])),
    refused("SOFTMAX", "LiteRT takes 1/256 and -128 only", SoftmaxOptions(1.0), SAME),
    refused("MINIMUM", "different scales; quantize it so", None, SAME, np.int8([3] * 4)),
    refused(
        "FULLY_CONNECTED", "weights are 3x5", FullyConnectedOptions("NONE", True), (6, 5, 3), np.zeros((3, 5), np.int8)
    ),
]


@pytest.mark.parametrize(("kind", "words", "options", "given", "constants", "scale"), REFUSED)
def test_refuses_in_a_sentence(kind, words, options, given, constants, scale) -> None:
    net = Int8Net()
    inputs = [net.constant(c, [scale] if c.dtype == np.int8 else ()) for c in map(np.asarray, constants)]
    graph = pixel_net(kind, options, given, *inputs, net=net)
    with pytest.raises(UserError, match=rf"net cannot be streamed: op 1 \({kind} .*{words}"):
        lower(graph)


def test_refuses_scales_that_differ_where_steps_are_moved() -> None:
    net = Int8Net()
    y = add_op(net, "SPACE_TO_DEPTH", (net.picture(4, 4),), net.plane((1, 2, 2, 12), 0.1, 0), SpaceToDepthOptions(2))
    with pytest.raises(UserError, match=r"op 0 \(SPACE_TO_DEPTH .*different scales; quantize it so that they share"):
        lower(net.graph(y))


def damaged_tensors(graph: Graph) -> list[Graph]:
    """The graph with each of its planes in turn told wrong."""
    result = []
    for i, tensor in enumerate(graph.tensors):
        changes: list[dict[str, Any]] = [{"dtype": "int16"}, {"scales": (0.0,)}, {"scales": (float("inf"),)}]
        changes += [{"scales": ()}, {"scales": tensor.scales * 3, "zero_points": tensor.zero_points * 3}]
        changes += [{"zero_points": (300,)}, {"zero_points": (-129,)}]
        for axis in range(len(tensor.shape)):
            for length in (0, tensor.shape[axis] + 1, tensor.shape[axis] * 7, 40000):
                shape = (*tensor.shape[:axis], length, *tensor.shape[axis + 1 :])
                changes.append({"shape": shape, "signature": shape})
        changes += [{"shape": tensor.shape[:-1]}, {"shape": ()}]
        for change in changes if tensor.data is None else ():
            tensors = (*graph.tensors[:i], dataclasses.replace(tensor, **change), *graph.tensors[i + 1 :])
            result.append(dataclasses.replace(graph, tensors=tensors))
    return result


def damaged_ops(graph: Graph) -> list[Graph]:
    """The graph with each of its ops in turn without options, or with other inputs."""
    result = []
    for i, op in enumerate(graph.ops):
        changes: list[dict[str, Any]] = [{"inputs": ()}, {"inputs": (-1,) * len(op.inputs)}]
        changes += [{"inputs": (op.outputs[0], *op.inputs[1:])}]
        changes += [{"options": None}] if op.options is not None and op.kind not in ("LEAKY_RELU", "RESHAPE") else []
        for change in changes:
            ops = (*graph.ops[:i], dataclasses.replace(op, **change), *graph.ops[i + 1 :])
            result.append(dataclasses.replace(graph, ops=ops))
    return result


@pytest.mark.parametrize("damage", [damaged_tensors, damaged_ops])
def test_a_file_that_lies_is_refused(damage: Callable[[Graph], list[Graph]]) -> None:
    """Whatever a file says wrong about a size, a scale or an op ends in a sentence, not in C that reads elsewhere."""
    net, output = every_op()
    damaged = damage(net.graph(output))
    assert len(damaged) > 100
    for graph in damaged:
        with pytest.raises(UserError, match=r"^net cannot be streamed|of net |net has|net is not"):
            lower(graph)


def test_windows_move_down() -> None:
    with pytest.raises(ValueError, match="moves down"):
        Window((0, 2, 1))
    with pytest.raises(ValueError, match="moves down"):
        Window((0, 1), 0)


def test_a_node_has_a_window_for_each_row() -> None:
    plane = Plane("x", 3, 1, 1, "int8", 1.0, 0)
    picture, taller = Node("picture", None, (), plane), dataclasses.replace(plane, height=4)
    assert Net("net", (picture, Node("copy", Lookup(), (0,), plane))).macs == 0
    for node in (Node("copy", Lookup(), (1,), plane), Node("copy", Lookup(), (0, 0), plane)):
        with pytest.raises(ValueError, match="needs a window"):
            Net("net", (picture, node))
    assert len(Net("net", (picture, Node("copy", Lookup(), (0,), taller))).nodes) == 2


# The documents


def test_the_table_of_operators_is_complete() -> None:
    lines = (ROOT / "docs" / "operators.md").read_text().splitlines()
    first = [re.match(r"\| `([A-Z0-9_]+)` \|", line) for line in lines]
    named = {match[1] for match in first if match}
    assert named == (LOWERINGS.keys() | MOVERS.keys() | {"BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND"}) - {"MOVE", "TABLE"}
    assert [match[1] for match in first if match] == sorted(named)
    text = "\n".join(lines)
    assert [kind for kind in ONLY_TABLES if f"`{kind}`" not in text] == []


def test_the_guide_shows_the_operator_as_it_is() -> None:
    """docs/adding-an-operator.md quotes DEPTH_TO_SPACE; a quotation that is not in the files misleads."""
    guide = (ROOT / "docs" / "adding-an-operator.md").read_text()
    folder = ROOT / "export" / "stream"
    sources = [(folder / name).read_text() for name in ("ops/depth_to_space.py", "kernels/depth_to_space.c")]
    blocks = re.findall(r"```(?:python|c)\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        assert any(block in source for source in sources), block
