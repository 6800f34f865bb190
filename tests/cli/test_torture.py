"""Kills and full disks at random moments: 20 of each here, `make torture` goes on for hours."""

from __future__ import annotations

import pytest
from torture import WORK, torture


@pytest.mark.parametrize(("name", "kills", "disks"), [("data", 6, 6), ("blur", 7, 7), ("export", 7, 7)])
def test_kills_and_full_disks_lose_nothing(name: str, kills: int, disks: int) -> None:
    torture(name, kills=kills, disks=disks, seed=3)


def test_every_long_command_is_tortured() -> None:
    words = {work.line.split()[0] for work in WORK.values()}
    assert words == {"data", "blur", "export", "train", "distill", "quantize"}
