"""DEPTHWISE_CONV_2D where processors have ways of their own: column by column, words of channels, vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net
from stream_c import SANITIZERS, build, run, write_net
from tools import require

from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops.depthwise_conv_2d import DepthwiseConv2D
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflite.options import DepthwiseConv2DOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.models.choose import choose_tflite


def _net() -> Int8Net:
    return Int8Net(seed=11)


def every_way(net: Int8Net) -> int:
    """Channels that fill words and others; windows over each border, spread, shifted; clamps; several for one."""
    x = net.conv(net.picture(12, 13), 8, (1, 1), scale=0.02, gain=2)
    for channels, kernel, stride, dilation, padding in (
        (8, (3, 3), 1, 1, "SAME"), (7, (3, 3), 1, 1, "SAME"), (3, (3, 3), 1, 1, "SAME"), (12, (2, 4), 1, 1, "SAME"),
        (4, (3, 3), 1, 2, "SAME"), (5, (5, 1), 1, 1, "SAME"), (16, (3, 3), 1, 1, "VALID"), (9, (3, 3), 2, 1, "SAME"),
        (13, (5, 5), 1, 1, "SAME"),
    ):  # fmt: skip
        x = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
        x = net.depthwise(
            x,
            1,
            kernel,
            stride=(stride, stride),
            dilation=(dilation, dilation),
            padding=padding,
            scale=0.02,
            gain=2,
            zero_point=-5,
        )
    for channels, activation, zero_point in ((48, "RELU", 7), (64, "RELU_N1_TO_1", -90), (8, "RELU6", -128)):
        x = net.conv(x, channels, (1, 1), scale=0.02, gain=2)
        x = net.depthwise(x, activation=activation, scale=0.02, gain=2, zero_point=zero_point)
    x = net.conv(x, 8, (1, 1), scale=0.02, gain=2, activation="RELU", zero_point=-128)
    x = net.depthwise(x, scale=0.05, gain=2, zero_point=100, lowest=True)  # two products of -128 leave 16 bits
    x = net.depthwise(net.conv(x, 6, (1, 1), scale=0.02, gain=2), 2, scale=0.02, gain=2)
    return net.depthwise(x, scale=0.0001, gain=2)  # whose shifts go to the left: not tame


def at_the_ends(net: Int8Net, x: int) -> int:
    """Weights of -127 and 127, and biases of which some are too large for the M0+'s way."""
    x = net.conv(x, 6, (1, 1), scale=0.02, gain=4, zero_point=-128)
    for bias in (0, 5_000_000, 370_000):
        _, height, width, channels = net.shape(x)
        weights = net.random.choice(np.array([-127, 127], np.int8), (1, 3, 3, channels))
        weights[..., 0], weights[..., 1] = 127, -127
        sums = net.tensors[x].scales[0] * 0.001
        biases = net.constant(np.linspace(-bias, bias, channels).astype(np.int32), [sums] * channels)
        output = net.plane((1, height, width, channels), (abs(bias) + 9e4) * sums / 128, 0)
        given = (x, net.constant(weights, [0.001] * channels, 3), biases)
        x = net.op("DEPTHWISE_CONV_2D", given, output, DepthwiseConv2DOptions("SAME", 1, 1, 1, 1, 1, "NONE"), 3)
    return x


def strides(net: Int8Net, x: int) -> int:
    """Windows of 3x3 in strides of 1 to 4, with clamps of all kinds, in planes down to one pixel."""
    for multiplier, stride, padding, activation, zero_point in (
        (1, 1, "SAME", "RELU", -128), (1, 2, "VALID", "NONE", 127), (2, 1, "VALID", "RELU6", -90),
        (1, 1, "SAME", "RELU", 7), (1, 2, "SAME", "NONE", 0),
    ):  # fmt: skip
        x = net.depthwise(
            x, multiplier, stride=(stride, stride), padding=padding, activation=activation, scale=0.02, gain=2,
            zero_point=zero_point,
        )  # fmt: skip
    return x


def columns(net: Int8Net) -> tuple[int, ...]:
    """A net of what goes column by column, and what each of its parts ends with."""
    wide = net.conv(net.picture(12, 13), 5, (1, 1), scale=0.02, gain=2)
    return at_the_ends(net, wide), strides(net, wide), net.depthwise(wide, stride=(4, 3), scale=0.02, gain=2)


CORES = ("mps2-an386", "mps3-an547", "mps2-an385", "mps2-an385-m0plus", "riscv32-virt")
CASES = [(every_way, name, optimize) for name in CORES[:3] for optimize in OPTIMIZE]
CASES += [(columns, name, optimize) for name in CORES for optimize in OPTIMIZE]


def test_plain_c_gives_the_reference_kernels_bytes(tmp_path: Path) -> None:
    net = _net()
    data = net.tflite(*columns(net))
    for optimize in OPTIMIZE:
        write_net(read_tflite(data), optimize, tmp_path, optimize=optimize)
    engine = open_engine("litert-ref", data, several=True)
    pictures = [np.random.default_rng(seed).integers(-128, 128, (12, 13, 3)).astype(np.int8) for seed in range(3)]
    wanted = b"".join(raw.tobytes() for picture in pictures for raw in engine.run_all(picture[None]))
    assert run(build(tmp_path, OPTIMIZE, ["-O0", *SANITIZERS]), "mixed", 2 * pictures, 3) == 2 * wanted


@pytest.mark.parametrize(("made", "name", "optimize"), CASES)
def test_each_core_gives_the_reference_kernels_bytes(
    tmp_path: Path, made: Callable[[Int8Net], int | tuple[int, ...]], name: str, optimize: str
) -> None:
    board, net, path = find_board(name), _net(), tmp_path / "depthwise.tflite"
    assert board.emulator is not None
    require(board.core.toolchain.compiler, board.emulator.program)
    ends = made(net)
    path.write_bytes(net.tflite(*(ends if isinstance(ends, tuple) else (ends,))))
    result = run_emulated(choose_tflite(path), board, EmulatedOptions(random=2, stream=StreamOptions(optimize)))
    assert result.comparison.differing_bytes == 0
    assert result.comparison.bytes_compared > 200


def test_the_ways_are_all_there() -> None:
    net = _net()
    layers = [node.operation for node in lower(net.graph(every_way(net))).nodes]
    found = [each for each in layers if isinstance(each, DepthwiseConv2D)]
    shapes = {each.weights.shape[1:3] for each in found}
    assert {(3, 3), (2, 4), (5, 1), (5, 5)} <= shapes
    assert {each.weights.shape[3] % 4 for each in found} >= {0, 1, 3}
    assert any(each.requantization.shift.max() > 0 for each in found)
