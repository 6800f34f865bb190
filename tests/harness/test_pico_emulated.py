"""The emulated Pico: our bare-metal RP2040 firmware in rp2040js, byte for byte and cycle by cycle."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.emulator import emulate, emulator_version
from edgeblur.firmware_harness.emulation.npm import find_package
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.models.shelf import find_entry

PICO = find_board("pico")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of width 2 and two levels on 16x16 pixels."""
    require("arm-none-eabi-gcc", "node")
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_the_pico_gives_the_hosts_bytes_and_counts_cycles(tiny: Path, optimize: str) -> None:
    run = run_emulated(choose_tflite(tiny), PICO, EmulatedOptions(random=2, stream=StreamOptions(optimize)))
    assert (run.comparison.images, run.comparison.differing_bytes) == (2, 0)
    assert run.counts.unit == "cycles"
    assert run.counts.repeatable
    assert abs(run.counts.calibration_error) < 0.001
    assert sum(layer.count for layer in run.counts.layers) == pytest.approx(run.counts.frames[0], rel=0.1)
    assert 100 < run.stack_bytes < PICO.stack_bytes


def test_json_has_cycles_and_milliseconds_and_no_instructions(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tiny), "--board", "pico", "--emulated", "--random", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (ended.value.code, result["differing_bytes"]) == (0, 0)
    assert result["ms"] == pytest.approx(result["cycles"] / 133e3, abs=0.001)
    assert "instructions" not in result
    assert all(layer["cycles"] > 0 for layer in result["layers"])
    assert result["emulator"].startswith("rp2040js 1.4.1 in node v")


@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_fit_predicts_the_picos_cycles_within_5_percent(optimize: str, capsys: pytest.CaptureFixture[str]) -> None:
    require("arm-none-eabi-gcc", "node")
    entry = find_entry("mask4")
    assert entry is not None
    options = EmulatedOptions(random=1, stream=StreamOptions(optimize))
    run = run_emulated(Chosen(entry.path, None, None, "mask4"), PICO, options)
    with pytest.raises(SystemExit):
        main(["fit", "mask4", "--board", "pico", "--optimize", optimize, "--json"])
    fit = json.loads(capsys.readouterr().out)
    assert 133e3 * fit["estimated_ms"] == pytest.approx(run.counts.median, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--board", "pico"], "pico is a real board: give its serial port as --port, or add --emulated"),
        (["--emulated"], "--emulated is for a real board that is emulated: give its name as --board"),
        (["--emulated", "--board", "pico-2"], "pico-2 (Raspberry Pi Pico 2 (RP2350, Cortex-M33)) is not emulated"),
    ],
)
def test_a_real_board_is_emulated_only_if_that_was_asked_for(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "mask4", *arguments])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_an_emulator_that_is_missing_or_of_another_version_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"rp2040js was not found: install it with `npm install --global rp2040js@1\.4"):
        find_package("rp2040js@1.4.1")
    package = tmp_path / "node_modules" / "rp2040js" / "package.json"
    package.parent.mkdir(parents=True)
    package.write_text('{"version": "1.1.1"}')
    with pytest.raises(UserError, match=r"version 1\.1\.1 of rp2040js was found, 1\.4\.1 is needed"):
        find_package("rp2040js@1.4.1")


def test_firmware_that_leaves_the_memory_is_a_fault(tmp_path: Path) -> None:
    require("arm-none-eabi-gcc", "node")
    (tmp_path / "wild.c").write_text(
        '__attribute__((section(".vectors"), used)) static void (*const start[2])(void);\n'
        "void wild(void) { *(volatile int *)0x20042000 = 1; for (;;) { } }\n"
        "static void (*const start[2])(void) = {(void (*)(void))0x20001000, wild};\n"
    )
    (tmp_path / "link.ld").write_text(
        "SECTIONS { .vectors 0x10000000 : { KEEP(*(.vectors)) } .text : { *(.text) } /DISCARD/ : { *(*) } }\n"
    )
    command = ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0plus", "-nostdlib", "-T", "link.ld", "wild.c"]
    subprocess.run([*command, "-Wl,-e,wild", "-o", "wild.elf"], cwd=tmp_path, check=True)
    assert PICO.twin is not None
    assert emulator_version(PICO.twin)
    with pytest.raises(RunError, match="the firmware on pico stopped with a fault at 0x1000"):
        emulate(PICO, tmp_path / "wild.elf", [b""], output_bytes=1, limit_s=60)
