"""Boards of a user's own, in the form of boards.toml."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.firmware_harness.boards.boards import own_board, read_boards
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import check_fits, fit
from edgeblur.models.choose import choose_tflite

MINE = """
[boards.mine]
title = "My board"
core = "cortex-m4f"
clock_hz = 100_000_000
flash = { name = "flash", origin = 0x0800_0000, size_bytes = 0x8_0000 }
ram = [{ name = "SRAM", origin = 0x2000_0000, size_bytes = 0x2_0000 }]
[boards.mine.sources]
memory = "its manual"
"""


def test_fit_counts_with_a_board_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(MINE)
    with pytest.raises(SystemExit) as ended:
        main(["fit", "mask4", "--board-file", str(path), "--board", "mine", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert (found["board"], found["ram_available_bytes"], found["clock_hz"]) == ("mine", 0x20000, 100_000_000)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"cortex-m4f"', '"cortex-m99"', "mine has no known core 'cortex-m99': take cortex-m0, "),
        ("0x2_0000 }", "0 }", "mine needs a ram of one region or more, each with a size_bytes above 0"),
        ("clock_hz = 100_000_000", 'clock_hz = "fast"', "does not describe boards as boards.toml does: .*clock_hz"),
        ("clock_hz", "clock", "does not describe boards as boards.toml does: .*clock"),
        ('title = "My board"', "", "does not describe boards as boards.toml does: .*title"),
        ("[boards.mine]", "[boards.mine", "is not valid TOML: "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(MINE.replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_boards(path)
    with pytest.raises(UserError, match="does not exist: give a TOML file of boards"):
        read_boards(tmp_path / "none.toml")


EMULATED = """
[boards.mine.emulator]
program = "qemu-system-arm"
package = "qemu-system-arm"
arguments = ["-machine", "mps2-an386"]
timer = "mps2"
timer_address = 0x4002_8018
instructions_per_tick = 40
uart = "cmsdk"
uart_address = 0x4000_4000
"""


def _ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_board_of_ones_own_is_listed_exported_for_and_gets_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(MINE)
    assert _ended("boards", "--board-file", str(path), "--json") == 0
    assert [board["name"] for board in json.loads(capsys.readouterr().out)] == ["mine"]
    assert _ended("boards", "mine", "--board-file", str(path)) == 0
    assert "My board" in capsys.readouterr().out
    for aim in ("mps2-an386", "mine"):
        board = ["--board", aim, "--board-file", str(path), "--optimize", "speed", "--name", "net"]
        assert _ended("export", "mask4", "--engine", "stream", "--out", str(tmp_path / aim), *board) == 0
    assert (tmp_path / "mine" / "net.c").read_bytes() == (tmp_path / "mps2-an386" / "net.c").read_bytes()
    assert _ended("export", "mask4", "--out", str(tmp_path / "none"), "--board-file", str(path)) == 2
    assert "name one as --board" in capsys.readouterr().err


def test_an_emulated_board_of_ones_own_runs_and_gets_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    path, net = tmp_path / "boards.toml", Int8Net(seed=3)
    tiny = tmp_path / "tiny.tflite"
    tiny.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    path.write_text(MINE.replace("0x0800_0000", "0x0000_0000") + EMULATED)
    board = ["--board", "mine", "--board-file", str(path)]
    assert _ended("run", str(tiny), *board, "--random", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["differing_bytes"] == 0
    assert _ended("firmware", str(tiny), *board, "--out", str(tmp_path / "project")) == 0
    assert _ended("flash", str(tmp_path / "project"), "--board-file", str(path), "--dry-run") == 2
    assert "mine is emulated and needs no flashing" in capsys.readouterr().err
    gates = tmp_path / "gates.toml"
    gates.write_text("[boards.mine]\nmax_ram_bytes = 100\n")
    assert _ended("check", str(tiny), "--gates", str(gates), "--board-file", str(path)) == 1


@pytest.mark.parametrize(("size", "code"), [("0x2_0000", 0), ("0x4000", 1)])
def test_fit_fails_if_a_board_of_the_file_is_too_small(
    tmp_path: Path, size: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(MINE.replace("0x2_0000", size))
    assert _ended("fit", "mask4", "--board-file", str(path), "--json") == code
    assert ("mask4 does not fit mine" in capsys.readouterr().err) == bool(code)


def test_of_all_boards_a_model_must_fit_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended("fit", "mask4") == 0  # not the smallest of them
    path = tmp_path / "wide.tflite"
    net = Int8Net(seed=3)
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    boards = [fit(examine(choose_tflite(path)), own_board("cortex-m4", 1_000, 1_000_000)) for _ in range(2)]
    with pytest.raises(RunError, match=r"wide.tflite fits none of these 2 boards: take a narrower student"):
        check_fits([replace(boards[0], candidate=boards[1].candidate), boards[1]], each=False)
