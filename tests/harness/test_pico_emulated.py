"""The emulated Pico: our bare-metal RP2040 firmware in rp2040js, byte for byte and cycle by cycle."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.elf import boot_crc32, seal_boot
from edgeblur.firmware_harness.emulation.emulator import emulate, emulator_version
from edgeblur.firmware_harness.emulation.npm import find_package
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.shell.model import firmware_files
from edgeblur.firmware_harness.shell.reserved import PORT_RAM_BYTES
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


def test_both_cores_give_the_hosts_bytes_in_little_more_than_half_the_cycles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    require("arm-none-eabi-gcc", "node")
    arguments = ["mask4", "--board", "pico", "--cores", "2", "--optimize", "speed", "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments, "--emulated", "--random", "1"])
    run = json.loads(capsys.readouterr().out)
    assert (ended.value.code, run["differing_bytes"], run["repeatable"], run["cores"]) == (0, 0, True, 2)
    assert run["speedup"] == pytest.approx(run["one_core_cycles"] / run["cycles"], abs=0.001)
    assert 100 < run["second_stack_bytes"] < PICO.stack_bytes
    with pytest.raises(SystemExit) as ended:
        main(["fit", *arguments])
    fit = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert fit["predicted_speedup"] == pytest.approx(run["speedup"], rel=0.02)
    serial = fit["ram_parts"]["serial protocol"]
    assert 0 <= fit["ram_bytes"] - serial - (run["ram_bytes"] - PORT_RAM_BYTES) <= 12  # what alignment may leave


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["run", "mask4", "--board", "mps2-an386"], "mps2-an386 has one Arm Cortex-M4 with FPU for a picture"),
        (["fit", "mask4", "--board", "nucleo-f411re"], "nucleo-f411re has one Arm Cortex-M4 with FPU for a picture"),
        (["export", "mask4", "--engine", "stream", "--board", "microbit", "--out", "out"], "microbit has one"),
        (["export", "mask4", "--out", "out"], "are for the streaming engine: add --engine stream"),
        (["firmware", "mask4", "--board", "pico", "--kind", "arduino", "--out", "out"],
         "arduino projects take one core, pico-sdk and esp-idf projects two"),
    ],
)  # fmt: skip
def test_two_cores_are_for_boards_and_projects_that_have_them(
    command: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([*command, "--cores", "2"])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


WILD = {
    "outside the memory": ("*(volatile int *)0x20042000 = 1", "the firmware on pico stopped with a fault at 0x1000"),
    "at an odd address": ("*(volatile int *)0x20000002 = 1", "the firmware on pico stopped with a fault at 0x1000"),
    "half a word at an odd address": ("(void)*(volatile short *)0x20000001", "stopped with a fault at 0x1000"),
    "to flash": ("*(volatile char *)0x10000800 = 1", "the firmware on pico stopped with a fault at 0x1000"),
}


def _wild(folder: Path, statement: str) -> Path:
    """Firmware of one statement behind our second stage, which is not sealed yet."""
    (folder / "wild.c").write_text(
        '__attribute__((section(".vectors"), used)) static void (*const start[2])(void);\n'
        f"void wild(void) {{ {statement}; for (;;) {{ }} }}\n"
        "static void (*const start[2])(void) = {(void (*)(void))0x20001000, wild};\n"
    )
    (folder / "boot_rp2040.c").write_text((firmware_files() / "boot_rp2040.c").read_text())
    (folder / "link.ld").write_text(
        "SECTIONS { .boot2 0x10000000 : { KEEP(*(.boot2)) . = 252; LONG(0) }\n"
        ".vectors : { KEEP(*(.vectors)) } .text : { *(.text) } /DISCARD/ : { *(*) } }\n"
    )
    command = ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0plus", "-nostdlib", "-T", "link.ld", "-Wl,-e,wild"]
    subprocess.run([*command, "wild.c", "boot_rp2040.c", "-o", "wild.elf"], cwd=folder, check=True)
    return folder / "wild.elf"


@pytest.mark.parametrize("what", WILD)
def test_what_the_chip_does_not_do_is_a_fault(what: str, tmp_path: Path) -> None:
    require("arm-none-eabi-gcc", "node")
    statement, sentence = WILD[what]
    elf = _wild(tmp_path, statement)
    seal_boot(elf)
    assert PICO.twin is not None
    assert emulator_version(PICO.twin)
    with pytest.raises(RunError, match=sentence):
        emulate(PICO, elf, [b""], output_bytes=1, limit_s=60)


def test_the_boot_rom_refuses_a_second_stage_with_a_wrong_crc(tmp_path: Path) -> None:
    require("arm-none-eabi-gcc", "node")
    elf = _wild(tmp_path, "")
    with pytest.raises(RunError, match="stopped with a fault at 0x10000000"):
        emulate(PICO, elf, [b""], output_bytes=1, limit_s=60)
    assert "CRC-32 is wrong" in (tmp_path / "emulator.txt").read_text()


def test_the_second_stages_crc_is_that_of_the_datasheet() -> None:
    assert boot_crc32(b"123456789") == 0x0376E6E7  # CRC-32/MPEG-2's check value


def test_the_image_of_a_run_begins_as_a_pico_wants_it(tiny: Path, tmp_path: Path) -> None:
    options = EmulatedOptions(random=1, keep=tmp_path / "kept")
    run_emulated(choose_tflite(tiny), PICO, options)
    with (tmp_path / "kept" / "plain" / "firmware.elf").open("rb") as file:
        linked = ELFFile(file)
        boot, vectors = (linked.get_section_by_name(name) for name in (".boot2", ".vectors"))
        assert (boot["sh_addr"], boot["sh_size"], vectors["sh_addr"]) == (0x10000000, 256, 0x10000100)
        stage = boot.data()
    assert int.from_bytes(stage[252:], "little") == boot_crc32(stage[:252])
