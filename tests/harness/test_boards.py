"""`edgeblur boards`: facts that hold together, found by what one looks for."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import Board, Region, boards, find_board
from edgeblur.firmware_harness.boards.listing import Wanted, board_json, select

REAL = {
    "nano-33-ble-sense", "nicla-vision", "portenta-h7", "pico", "pico-2", "esp32-s3", "esp32-c3", "esp32-p4",
    "nucleo-l4r5zi", "nucleo-f411re", "nucleo-f446re", "nucleo-f746zg", "nucleo-h743zi", "stm32n6", "teensy-4.1",
    "openmv-h7", "microbit-v2", "coral-micro", "maix-bit", "raspberry-pi-zero-2-w", "raspberry-pi-4", "raspberry-pi-5",
}  # fmt: skip
EMULATED = {
    "microbit", "mps2-an385", "mps2-an385-m0plus", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547",
    "riscv32-virt",
}  # fmt: skip


def names(**wanted: Any) -> set[str]:
    return {board.name for board in select(Wanted(**wanted))}


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["boards", *arguments])
    told = capsys.readouterr()
    assert ended.value.code == code
    return told.err if code else told.out


def test_the_boards_of_the_list_are_there() -> None:
    assert names(emulated=False) == REAL
    assert names(emulated=True) == EMULATED


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_a_boards_facts_hold_together(board: Board) -> None:
    regions: list[Region] = [*board.ram, *([board.flash] if board.flash else [])]
    assert all(region.size_bytes > 0 for region in regions)
    places = sorted((region.origin, region.size_bytes) for region in regions if region.origin is not None)
    for (origin, size), (next_origin, _) in itertools.pairwise(places):
        assert origin + size <= next_origin, "regions overlap"
    inside = [region.size_bytes for region in board.ram if not region.external]
    assert board.ram[0].size_bytes == max(inside), "firmware uses the first region: not the largest"
    facts = {source.fact for source in board.sources}
    assert "memory" in facts
    assert "clock" in facts or board.emulator or board.clock_hz is None
    assert board.emulator is None or (board.flash and board.core.startup)
    assert board.stack_bytes < board.ram[0].size_bytes


@pytest.mark.parametrize(
    ("core", "found"),
    [
        ("M3", {"mps2-an385"}),
        ("m33", {"mps2-an505", "pico-2"}),
        ("M0+", {"mps2-an385-m0plus", "pico"}),
        ("cortex-m55", {"mps3-an547", "stm32n6"}),
        ("RISC-V", {"riscv32-virt", "esp32-c3", "esp32-p4", "maix-bit"}),
        ("A53", {"raspberry-pi-zero-2-w"}),
    ],
)
def test_a_core_is_found_by_a_part_of_its_name(core: str, found: set[str]) -> None:
    assert names(core=core) == found


def test_filters_narrow_each_other() -> None:
    assert names(sdk="pico-sdk") == {"pico", "pico-2"}
    assert names(sdk="pico-sdk", ram_bytes=300_000) == {"pico-2"}
    assert names(core="M4", ram_bytes=262_144, emulated=False) == {"nano-33-ble-sense", "nucleo-l4r5zi"}
    assert "portenta-h7" not in names(ram_bytes=8_000_000), "its SDRAM is another chip"
    with pytest.raises(UserError, match=r"no board has all that: cores are cortex-m0, .*; SDKs are arduino, "):
        select(Wanted(core="Z80"))


def test_the_command_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(shown(capsys, "--core", "M7", "--real", "--json"))
    assert {board["name"] for board in listed} == names(core="M7", emulated=False)
    assert listed[0] == board_json(find_board(listed[0]["name"]))
    text = shown(capsys, "--sdk", "esp-idf")
    found = [line.split()[0] for line in text.splitlines() if line.startswith("esp32")]
    assert found == ["esp32-s3", "esp32-c3", "esp32-p4"]
    one = shown(capsys, "pico-2")
    for fact in ("150 MHz", "524,288 B at 0x20000000", "Cortex-M33", "picotool", "memmap_default.ld"):
        assert fact in one


def test_unknown_facts_are_absent(capsys: pytest.CaptureFixture[str]) -> None:
    pi = json.loads(shown(capsys, "raspberry-pi-5", "--json"))
    assert "flash" not in pi
    assert "flash_tool" not in pi
    assert pi["ram"] == [{"name": "SDRAM, shared with Linux", "size_bytes": 2**31}]
    assert json.loads(shown(capsys, "microbit", "--json"))["flash"]["origin"] == 0


def test_an_unknown_board_is_refused_with_near_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "pico2", code=2) == "edgeblur: no board is called 'pico2': take pico-2 or pico\n"
