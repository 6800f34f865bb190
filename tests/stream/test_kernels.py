"""Each core's kernels on its emulated board: shapes that they treat in ways of their own, and not one byte wrong."""

from __future__ import annotations

import functools
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net, picture_bytes
from tools import require
from winograd_nets import compile_whole, forced

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.costs.code_size import OPTIMIZE_FLAGS
from edgeblur.export.stream.lower import lower
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.emulation.build import linker_script
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import FLAGS

PICTURES = 2  # as in kernels_harness.c

CORES = ("mps2-an385-m0plus", "mps2-an386", "mps3-an547", "riscv32-virt")
"""A board for each way to convolve."""


@dataclass(frozen=True)
class Conv:
    """A convolution; `beside` channels of a second plane lie beside its input's. Small weights: large multipliers."""

    channels: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: int = 1
    padding: str = "SAME"
    activation: str = "NONE"
    zero_point: int = 3
    largest: int = 127
    beside: int = 0

    def add(self, net: Int8Net, source: int) -> int:
        # With this scale, outputs vary about as much as inputs do.
        scale = (0.8 if self.activation == "NONE" else 0.5) * net.tensors[source].scales[0]
        if self.beside:
            other = net.max_pool(source, (1, 1))
            source = net.join(source, Conv(self.beside, (1, 1)).add_like(net, other))
        return self._conv(net, source, scale)

    def add_like(self, net: Int8Net, source: int) -> int:
        """With its input's quantization, so that both can be joined."""
        like = net.tensors[source]
        return net.conv(
            source, self.channels, self.kernel, activation="NONE", scale=like.scales[0], zero_point=like.zero_points[0]
        )

    def _conv(self, net: Int8Net, source: int, scale: float) -> int:
        return net.conv(
            source, self.channels, self.kernel, stride=self.stride, dilation=(self.dilation, self.dilation),
            padding=self.padding, activation=self.activation, scale=scale, zero_point=self.zero_point,
            largest=self.largest,
        )  # fmt: skip


@dataclass(frozen=True)
class Up:
    """A transposed convolution whose windows lie side by side."""

    channels: int
    size: tuple[int, int] = (2, 2)

    def add(self, net: Int8Net, source: int) -> int:
        scale = 0.8 * net.tensors[source].scales[0]
        return net.up_conv(source, self.channels, self.size, stride=self.size, scale=scale, zero_point=-7)


@dataclass(frozen=True)
class Pool:
    """The largest of each window."""

    size: tuple[int, int] = (2, 2)

    def add(self, net: Int8Net, source: int) -> int:
        return net.max_pool(source, self.size)


@dataclass(frozen=True)
class Chain:
    """A picture's width and channels, and what is made of it."""

    width: int
    steps: tuple[Conv | Up | Pool, ...]
    channels: int = 3


CHAINS = {
    "unet": Chain(
        24, (Conv(4), Conv(8), Pool(), Conv(16), Conv(16), Up(8), Conv(8, beside=8), Conv(4, beside=4), Conv(3, (1, 1)))
    ),
    "odd_channels": Chain(17, (Conv(5), Conv(7, (5, 2)), Conv(1), Conv(33, (1, 1)), Conv(2, beside=3), Up(3, (2, 3)))),
    "wide": Chain(9, (Conv(20, (2, 1)), Conv(36, beside=12), Conv(64, (1, 1)), Conv(17), Conv(6, beside=48))),
    "strides": Chain(
        61,
        (
            Conv(6, (3, 5), (1, 2)), Conv(4, (2, 2), (2, 3)), Conv(8, (1, 1), (1, 2)), Conv(3, (1, 3), padding="VALID"),
        ),
    ),
    "dilated": Chain(
        29, (Conv(3, dilation=2), Conv(4, (2, 3), dilation=3, beside=5), Conv(8, padding="VALID", dilation=2))
    ),
    "large_multipliers": Chain(
        16,
        (
            Conv(8, (1, 1), largest=2), Conv(16, (1, 2), largest=1), Conv(12, (1, 1), largest=1),
            Conv(5, (2, 3), largest=3), Conv(7, (2, 2), largest=1, zero_point=-100),
        ),
    ),
    "clamped": Chain(
        15,
        (
            Conv(8, activation="RELU6", zero_point=-20), Conv(9, (3, 1), activation="RELU", zero_point=-128),
            Conv(4, (1, 1), activation="RELU_N1_TO_1", zero_point=30), Conv(4, activation="RELU", zero_point=-60),
        ),
    ),
    "narrow": Chain(2, (Conv(4), Conv(16, (1, 3)), Conv(4, (2, 5)), Conv(10, (1, 1)), Up(4, (1, 3)))),
    "grey": Chain(1, (Conv(2, (3, 1)), Up(1, (2, 1)), Conv(18, (5, 1)), Pool((2, 1)), Conv(3, (1, 1))), channels=1),
}  # fmt: skip


@functools.cache
def made(name: str) -> tuple[Int8Net, bytes]:
    """A chain as a net, and as a .tflite."""
    chain = CHAINS[name]
    net = Int8Net(len(name))
    plane = net.picture(12, chain.width, chain.channels, scale=0.1, zero_point=-10)
    for step in chain.steps:
        plane = step.add(net, plane)
    return net, net.tflite(plane)


@functools.cache
def reference(name: str) -> bytes:
    """What LiteRT's reference kernels make of a net's pictures."""
    net, data = made(name)
    engine = open_engine("litert-ref", data)
    return b"".join(engine.run(picture_bytes(net, i)).tobytes() for i in range(PICTURES))


def compile_firmware(folder: Path, board: Board, optimize: str, *, winograd: bool) -> Path:
    """All nets and the harness in one program."""
    for seed, name in enumerate(CHAINS):
        graph = read_tflite(made(name)[1], name=name)
        net = forced(lower(graph), seed) if winograd else lower(graph)
        provenance = Provenance(f"{name}.tflite", name, graph)
        compile_whole(net, graph, provenance, optimize=optimize).files.write(folder, name)
    headers = "".join(f'#include "{name}.h"\n' for name in CHAINS)
    listed = " ".join(f"NET({name}, {name.upper()})" for name in CHAINS)
    (folder / "nets.h").write_text(f"{headers}#define NETS(NET) {listed}\n")
    (folder / "link.ld").write_text(linker_script(board))
    firmware = Path(str(resources.files("edgeblur.firmware_harness") / "firmware"))
    own = ("stack.c", "port_semihosting.c", f"startup_{board.core.startup}.c")
    command = [
        board.core.toolchain.compiler, *board.core.toolchain.flags, *board.core.flags, OPTIMIZE_FLAGS[optimize], *FLAGS,
        f"-I{folder}", f"-I{firmware}", "-nostartfiles", "-T", "link.ld", "-Wl,--gc-sections", "-ffunction-sections",
        str(Path(__file__).parents[1] / "helpers" / "kernels_harness.c"), *(str(firmware / file) for file in own),
        *(f"{name}.c" for name in CHAINS), "-o", "firmware.elf",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / "firmware.elf"


@pytest.mark.parametrize("winograd", [False, True], ids=["direct", "winograd"])
@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("name", CORES)
def test_kernels_give_the_reference_bytes(name: str, optimize: str, winograd: bool, tmp_path: Path) -> None:
    board = find_board(name)
    assert board.emulator is not None
    require(board.core.toolchain.compiler, board.emulator.program)
    firmware = compile_firmware(tmp_path, board, optimize, winograd=winograd)
    given = b"".join(picture_bytes(made(name)[0], i).tobytes() for name in CHAINS for i in range(PICTURES))
    wanted = {name: reference(name) for name in CHAINS}
    (outputs,), _ = emulate(board, firmware, [given], output_bytes=sum(map(len, wanted.values())), limit_s=60)
    at = 0
    for net, expected in wanted.items():
        assert outputs[at : at + len(expected)] == expected, net
        at += len(expected)


def test_the_chains_have_what_kernels_treat_in_ways_of_their_own() -> None:
    fields = []
    for name in CHAINS:
        net = lower(read_tflite(made(name)[1]))
        convs = (node for node in net.nodes if node.operation and node.operation.kernel == "conv_2d")
        fields += [node.operation.fields(net.planes(node), node.plane) for node in convs if node.operation]
    for member, values in {
        "tame": {0, 1}, "whole_words": {0, 1}, "parts": {1, 2}, "phases": {1, 2}, "dilation": {1, 2, 3},
        "stride": {1, 2, 3}, "kernel_w": {1, 2, 3, 5}, "strip": {2, 8, 16},
    }.items():  # fmt: skip
        assert {each[member] for each in fields} >= values, member
    assert {int(each["out_channels"]) % 4 for each in fields} == {0, 1, 2, 3}
    sizes = {int(each["kernel_w"]) * int(each["column_bytes"]) for each in fields}
    assert min(sizes) == 4
    assert {size % 16 for size in sizes} == {0, 4, 8, 12}
    assert max(sizes) > 400


@pytest.mark.parametrize("name", CHAINS)
def test_outputs_vary(name: str) -> None:
    values = np.frombuffer(reference(name), np.int8)
    assert values.std() > 15
    assert len(np.unique(values)) > 30
