"""Boards of a user's own, in the form of boards.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import read_boards

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
        ("[boards.mine]", "[boards.mine", "is no TOML: "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(MINE.replace(old, new))
    with pytest.raises(UserError, match=sentence):
        read_boards(path)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_boards(tmp_path / "none.toml")
