"""Kills and full disks at random moments: 20 of each here, `make torture` goes on for hours."""

from __future__ import annotations

from pathlib import Path

import pytest
from torture import FIGURES, WORK, add_turn, table, torture


@pytest.mark.parametrize(("name", "kills", "disks"), [("data", 6, 6), ("blur", 7, 7), ("export", 7, 7)])
def test_kills_and_full_disks_lose_nothing(name: str, kills: int, disks: int) -> None:
    torture(name, kills=kills, disks=disks, seed=3)


def test_every_long_command_is_tortured() -> None:
    words = {work.line.split()[0] for work in WORK.values()}
    assert words == {"data", "blur", "export", "train", "distill", "quantize", "search"}


def test_turns_are_summed_and_stand_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    for middle in (True, False):
        add_turn(path, "blur", "kills", middle)
    add_turn(path, "train", "disks", True)
    assert table(path).splitlines()[2:] == ["| blur | 2 | 0 | 1 |", "| train | 0 | 1 | 1 |", "| all | 2 | 1 | 2 |"]
    assert table() in (FIGURES.parents[1] / "docs" / "reliability.md").read_text()
