"""DEPTHWISE_CONV_2D where processors have ways of their own: words of channels on DSP cores, vectors on Helium."""

from __future__ import annotations

from pathlib import Path

import pytest
from int8_nets import Int8Net
from tools import require

from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops.depthwise_conv_2d import DepthwiseConv2D
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.models.choose import choose_tflite


def _net() -> Int8Net:
    return Int8Net(seed=11)


def every_way(net: Int8Net) -> int:
    """Channels that fill words and others, windows over each border, spread, shifted, several channels for one."""
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
    x = net.conv(x, 8, (1, 1), scale=0.02, gain=2, activation="RELU", zero_point=-128)
    x = net.depthwise(x, scale=0.05, gain=2, zero_point=100, lowest=True)  # two products of -128 leave 16 bits
    x = net.depthwise(net.conv(x, 6, (1, 1), scale=0.02, gain=2), 2, scale=0.02, gain=2)
    return net.depthwise(x, scale=0.0001, gain=2)  # whose shifts go to the left: not tame


@pytest.mark.parametrize("optimize", OPTIMIZE)
@pytest.mark.parametrize("name", ["mps2-an386", "mps3-an547", "mps2-an385"])
def test_each_core_gives_the_reference_kernels_bytes(tmp_path: Path, name: str, optimize: str) -> None:
    board, net, path = find_board(name), _net(), tmp_path / "depthwise.tflite"
    require("arm-none-eabi-gcc", "qemu-system-arm")
    path.write_bytes(net.tflite(every_way(net)))
    run = run_emulated(choose_tflite(path), board, EmulatedOptions(random=2, stream=StreamOptions(optimize)))
    assert run.comparison.differing_bytes == 0
    assert run.comparison.bytes_compared > 500


def test_the_ways_are_all_there() -> None:
    net = _net()
    layers = [node.operation for node in lower(net.graph(every_way(net))).nodes]
    found = [each for each in layers if isinstance(each, DepthwiseConv2D)]
    shapes = {each.weights.shape[1:3] for each in found}
    assert {(3, 3), (2, 4), (5, 1), (5, 5)} <= shapes
    assert {each.weights.shape[3] % 4 for each in found} >= {0, 1, 3}
    assert any(each.requantization.shift.max() > 0 for each in found)
