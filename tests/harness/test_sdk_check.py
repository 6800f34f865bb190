"""`edgeblur boards --check`: boards.toml beside files in the forms in which SDKs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import boards, find_board
from edgeblur.firmware_harness.boards.sdk_facts import compare_facts

VARIABLES = ("PICO_SDK_PATH", "ZEPHYR_BASE", "IDF_PATH", "STM32_PACK", "TEENSY_CORES", "ARDUINO_MBED")
C3 = """
#define SRAM_START 0x3FC7C000 // of the data bus
#define ICACHE_SIZE 0x4000 /* fixed */
#if CONFIG_TAKES_ALL
#define END 0x3FD00000
#else
#define END 0x403CE710 - SHIFT
#endif
#define SHIFT (0x4037C000 - SRAM_START)
MEMORY
{
  dram0_0_seg (RW) : org = (SRAM_START + ICACHE_SIZE), len = END - (SRAM_START + ICACHE_SIZE)
}
"""
SDKS = {
    "pico": ("PICO_SDK_PATH", "src/rp2_common/pico_crt0/rp2040/memmap_default.ld",
             "MEMORY\n{\n    RAM(rwx) : ORIGIN =  0x20000000, LENGTH = 256k\n}\n", "256k", "264k"),
    "pico-2": ("PICO_SDK_PATH", "src/boards/include/boards/pico2.h",
               "#ifndef OWN\n#define PICO_FLASH_SIZE_BYTES (4 * 1024 * 1024)\n#endif\n", "4 *", "2 *"),
    "esp32-c3": ("IDF_PATH", "components/esp_system/ld/esp32c3/memory.ld.in", C3, "0x4000", "0x8000"),
    "nucleo-h743zi": ("ZEPHYR_BASE", "dts/arm/st/h7/stm32h743.dtsi",
                      "/ {\n\tsram0: memory@24000000 {\n\t\tcompatible = \"mmio-sram\";\n"
                      "\t\treg = <0x24000000 DT_SIZE_K(512)>;\n\t};\n};\n", "512", "384"),
    "nucleo-l4r5zi": ("STM32_PACK", "Source/Templates/iar/linker/stm32l4r5xx_flash.icf",
                      "define symbol __ICFEDIT_region_RAM_start__ = 0x20000000;\n"
                      "define symbol __ICFEDIT_region_RAM_end__   = 0x2009FFFF;\n"
                      "define symbol __ICFEDIT_region_ROM_start__ = 0x08000000;\n"
                      "define symbol __ICFEDIT_region_ROM_end__   = 0x081FFFFF;\n", "9FFFF", "8FFFF"),
    "nano-33-ble-sense": ("ARDUINO_MBED", "boards.txt", "nano33ble.upload.maximum_size=983040\n"
                          "nano33ble.upload.maximum_data_size=262144\n", "983040", "1048576"),
}  # fmt: skip
"""By board: a variable, a file of ours in the SDK's form, and a text in it with another."""


@pytest.fixture(autouse=True)
def _no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def _write(board: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, other: bool = False) -> None:
    variable, name, text, old, new = SDKS[board]
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(old, new) if other else text)
    monkeypatch.setenv(variable, str(folder))


@pytest.mark.parametrize("board", SDKS)
def test_what_an_sdk_says_is_understood_and_a_difference_found(
    board: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(board, tmp_path / "same", monkeypatch)
    found = compare_facts([find_board(board)])
    assert found.compared
    assert all(one.same for one in found.compared), found.compared
    found.check()
    _write(board, tmp_path / "other", monkeypatch, other=True)
    assert [one.same for one in compare_facts([find_board(board)]).compared].count(False) == 1


def test_the_command_tells_a_difference_by_its_exit_code_and_names_what_it_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for other, code in ((False, 0), (True, 1)):
        _write("pico", tmp_path / str(code), monkeypatch, other=other)
        with pytest.raises(SystemExit) as ended:
            main(["boards", "--check", "--json"])
        said = capsys.readouterr()
        assert ended.value.code == code
        (row,) = json.loads(said.out)["compared"]
        assert (row["board"], row["size_bytes"], row["same"]) == (
            "pico",
            264 * 1024 if other else 256 * 1024,
            not other,
        )
        assert "skipped: zephyr: ZEPHYR_BASE is not set" in said.err
        assert "skipped: pico-sdk: " in said.err  # of the flash nothing was written
    assert "1 of 1 memories differ from the SDKs': the first is SRAM, striped of pico" in said.err


def test_nothing_to_compare_with_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["boards", "--check"])
    assert ended.value.code == 2
    assert "no SDK was found to compare with: set PICO_SDK_PATH or ZEPHYR_BASE or " in capsys.readouterr().err


def test_what_is_no_number_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write("pico", tmp_path, monkeypatch)
    path = tmp_path / SDKS["pico"][1]
    path.write_text(path.read_text().replace("256k", "SOME_CONFIG"))
    with pytest.raises(UserError, match="'SOME_CONFIG' is not a number that edgeblur understands"):
        compare_facts(boards())


def test_every_fact_is_of_a_memory_that_boards_toml_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeblur.firmware_harness.boards.sdk_facts import _stored

    for fact in _stored().facts:
        assert fact.region(find_board(fact.board)).size_bytes > 0
        assert fact.form in _stored().forms
        assert fact.sdk in _stored().sdks
