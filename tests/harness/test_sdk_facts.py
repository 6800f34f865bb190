"""What real SDKs and tools want of our projects and of boards.toml, as builds against them taught it."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from tools import require

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import boards, find_board, options_for
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import fit
from edgeblur.firmware_harness.projects.kinds import boards_of_kind, kinds
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware
from edgeblur.firmware_harness.shell.model import firmware_model
from edgeblur.models.choose import choose_tflite
from edgeblur.models.shelf import find_entry

MASK4 = find_entry("mask4")
ESP = [board for board in boards() if board.name_in("esp-idf")]
BOOTLOADER_AND_TABLE_BYTES = 0x1_0000


@pytest.mark.parametrize("board", ESP, ids=lambda board: board.name)
def test_an_esp_idf_project_gives_the_program_the_whole_flash_and_silences_both_consoles(
    board: object, tmp_path: Path
) -> None:
    board = next(each for each in ESP if each is board)
    assert MASK4 is not None
    folder = write_firmware(MASK4.path, board, tmp_path / "project", ProjectOptions()).folder
    settings = dict(
        line.split("=", 1) for line in (folder / "sdkconfig.defaults").read_text().splitlines() if line.startswith("C")
    )
    assert settings["CONFIG_ESP_CONSOLE_NONE"] == settings["CONFIG_ESP_CONSOLE_SECONDARY_NONE"] == "y"
    assert settings["CONFIG_PARTITION_TABLE_CUSTOM_FILENAME"] == '"partitions.csv"'
    rows = csv.reader(line for line in (folder / "partitions.csv").read_text().splitlines() if line[0] != "#")
    app = next([cell.strip() for cell in row] for row in rows if row[1].strip() == "app")
    start, size = int(app[3], 16), int(app[4], 16)
    assert board.flash is not None
    assert (start, size) == (BOOTLOADER_AND_TABLE_BYTES, board.flash.size_bytes)  # what `fit` counts with
    chip = next(int(name.split("_")[-1][:-2]) for name in settings if name.startswith("CONFIG_ESPTOOLPY_FLASHSIZE_"))
    assert start + size == chip * 2**20
    assert ("CONFIG_ESP32P4_SELECTS_REV_LESS_V3" in settings) == (board.name == "esp32-p4")


@pytest.mark.parametrize(
    ("board", "kind", "clock_hz"),
    [
        ("pico", "pico-sdk", 125_000_000),
        ("nucleo-f411re", "zephyr", 96_000_000),
        ("nucleo-f411re", "stm32", 16_000_000),  # nobody changes the clock of the reset
        ("nucleo-h743zi", "zephyr", 96_000_000),
        ("nucleo-h743zi", "platformio", 400_000_000),
        ("nucleo-l4r5zi", "zephyr", 80_000_000),
        ("nucleo-l4r5zi", "platformio", 120_000_000),
    ],
)
def test_fit_estimates_time_at_the_clock_of_the_kind_of_project(
    board: str, kind: str, clock_hz: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["fit", "mask4", "--board", board, "--kind", kind, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["clock_hz"] == clock_hz
    assert result["estimated_ms"] == pytest.approx(1e3 * result["estimated_cycles"] / clock_hz, rel=1e-3)


def test_a_kind_that_a_board_does_not_take_is_refused() -> None:
    with pytest.raises(UserError, match="pico takes no zephyr project, but pico-sdk or arduino or platformio"):
        boards_of_kind([find_board("pico")], "zephyr")
    with pytest.raises(UserError, match="there is no kind of project called 'abacus': choose bare-metal"):
        boards_of_kind(boards(), "abacus")


def test_the_ram_in_one_piece_is_what_sdks_leave_to_a_program() -> None:
    found = {name: find_board(name).ram[0].size_bytes for name in ("pico", "pico-2", "esp32-c3")}
    assert found == {"pico": 256 * 1024, "pico-2": 512 * 1024, "esp32-c3": 0x4E710}


def test_tools_are_named_and_called_as_they_are_today() -> None:
    assert {"arm-none-eabi-gcc", "cmake", "picotool"} <= dict(kinds()["pico-sdk"].tools).keys()
    assert "libstdc++-arm-none-eabi-newlib" in dict(kinds()["pico-sdk"].tools)["arm-none-eabi-gcc"]
    assert all("--no-wait" in kind.flash for kind in kinds().values() if kind.flash[0] == "pyocd")
    assert find_board("nucleo-h743zi").name_in("pyocd") == "stm32h743zitx"


def test_a_teensys_weights_stay_in_flash_and_its_state_lies_where_fit_counts_it(tmp_path: Path) -> None:
    require("arm-none-eabi-gcc")
    board, mask4 = find_board("teensy-4.1"), MASK4
    assert mask4 is not None
    for kind, engine in (("arduino", "src"), ("platformio", "lib/edgeblur/src")):
        folder = write_firmware(mask4.path, board, tmp_path / kind, ProjectOptions(kind)).folder / engine
        files = ["model.c", "engine_stream.c"]
        flags = [*board.core.toolchain.flags, *board.core.flags, *FLAGS, "-O2", "-c"]
        subprocess.run([board.core.toolchain.compiler, *flags, *files], cwd=folder, check=True)
        model, adapter = (_sections(folder / name) for name in ("model.o", "engine_stream.o"))
        told = firmware_model(mask4.path, options_for(board, StreamOptions())).engine
        assert told.constant_bytes * 0.9 < model[".progmem"] <= told.constant_bytes * 1.1
        assert (
            sum(size for name, size in model.items() if name.startswith((".rodata", ".data"))) < model[".progmem"] / 4
        )
        assert adapter[".dmabuffers"] == told.ram_bytes
        assert adapter.get(".bss", 0) < 64
    found = fit(examine(choose_tflite(mask4.path)), board).stream
    assert found is not None
    ram, flash = found.memory("RAM"), found.memory("flash")
    assert ram is not None
    assert flash is not None
    assert (ram.region.name, flash.region.name) == ("RAM2 (OCRAM2)", "QSPI flash, mapped")


def _sections(path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        return {section.name: section["sh_size"] for section in ELFFile(file).iter_sections()}


def test_other_boards_keep_the_sections_of_the_compiler(tmp_path: Path) -> None:
    assert MASK4 is not None
    folder = write_firmware(MASK4.path, find_board("pico"), tmp_path / "pico", ProjectOptions()).folder / "src"
    assert "section(" not in "".join((folder / name).read_text() for name in ("model.c", "model_info.h"))


def test_no_qemu_board_counts_by_the_clock_of_its_host() -> None:
    """Under QEMU semihosting's SYS_ELAPSED is the host's time, which tells nothing of the board."""
    emulators = [each for board in boards() for each in (board.emulator, board.twin) if each]
    timers = [each.timer for each in emulators if each.program.startswith("qemu")]
    assert len(timers) >= 7
    assert "semihosting" not in timers
