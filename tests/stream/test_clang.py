"""The engine's C by clang, which Keil's and Arm's compilers are built on: no warning, and the host's bytes."""

from __future__ import annotations

import csv
from pathlib import Path

import count_clang
import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import built_by, find_board
from edgeblur.firmware_harness.emulation.frames import run_frames
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.models.choose import choose_tflite
from edgeblur.models.shelf import find_entry

BOARDS = ("mps2-an385-m0plus", "mps2-an386", "mps3-an547")
"""Armv6-M, Armv7E-M with DSP instructions, Helium: each has assembly of its own."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of width 2 and two levels on 16x16 pixels."""
    require("clang", "arm-none-eabi-gcc", "qemu-system-arm")
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("board", BOARDS)
def test_clangs_firmware_gives_the_hosts_bytes(tiny: Path, board: str, optimize: str) -> None:
    options = EmulatedOptions(random=2, stream=StreamOptions(optimize), compiler="clang")
    run = run_emulated(choose_tflite(tiny), find_board(board), options)
    assert (run.comparison.images, run.comparison.differing_bytes) == (2, 0)
    assert "clang version" in run.compiler


def test_clang_takes_the_narrowest_net_of_the_bench(tmp_path: Path) -> None:
    require("clang", "arm-none-eabi-gcc", "qemu-system-arm")
    net, path = Int8Net(), tmp_path / "unet4.tflite"
    path.write_bytes(net.tflite(unet(net, 4)))
    options = EmulatedOptions(random=1, stream=StreamOptions("speed"), compiler="clang")
    run = run_emulated(choose_tflite(path), find_board("mps2-an386"), options)
    assert (run.comparison.images, run.comparison.differing_bytes) == (1, 0)
    kept = next(
        row
        for row in count_clang.read()
        if (row["model"], row["board"], row["optimize"]) == ("unet4", "mps2-an386", "speed")
    )
    if (run.compiler, run.emulator) == (kept["clang"], kept["emulator"]):
        assert run.counts.median == int(kept["clang_instructions"]), "count anew: make clang"


def test_the_page_tells_what_the_bench_counted() -> None:
    rows = count_clang.read()
    wanted = {(model, board, aim) for model in ("mask4", "unet4") for board in BOARDS for aim in OPTIMIZE}
    assert {(row["model"], row["board"], row["optimize"]) for row in rows} == wanted
    assert {(row["gcc_differing_bytes"], row["clang_differing_bytes"]) for row in rows} == {("0", "0")}
    with count_clang.PATH.with_name("frames.csv").open() as file:
        frames = {(row["model"], row["board"], row["optimize"]): row["instructions"] for row in csv.DictReader(file)}
    narrowest = [row for row in rows if row["model"] == "unet4"]
    counted = [frames["unet4.tflite", row["board"], row["optimize"]] for row in narrowest]
    assert [row["gcc_instructions"] for row in narrowest] == counted, "make bench and make clang, both anew"
    page = count_clang.PAGE.read_text()
    assert count_clang.renewed(page) == page, "run bench/count_clang.py --page"


@pytest.mark.parametrize("board", BOARDS)
def test_clangs_firmware_veils_frames_as_the_reference_does(board: str) -> None:
    require("clang", "arm-none-eabi-gcc", "qemu-system-arm")
    entry = find_entry("mask4")
    assert entry is not None
    options = EmulatedOptions(random=1, compiler="clang")
    frames = FrameOptions(48, 48, hold="buffer", net=(48, 48))
    run = run_frames(choose_tflite(entry.path), find_board(board), options, frames)
    assert (run.comparison.images, run.comparison.differing_bytes) == (1, 0)


def test_clang_is_for_arm(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="clang is for Arm's Cortex-M, and riscv32-virt has a 32-bit RISC-V"):
        built_by(find_board("riscv32-virt"), "clang")
    with pytest.raises(SystemExit) as ended:
        main(["run", "mask4", "--port", "/dev/null", "--compiler", "clang"])
    assert ended.value.code == 2
    assert "are for emulated boards" in capsys.readouterr().err
