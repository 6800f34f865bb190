"""What real SDKs and tools want of our projects and of boards.toml, as builds against them taught it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import boards, find_board
from edgeblur.firmware_harness.projects.kinds import boards_of_kind, kinds
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware
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
