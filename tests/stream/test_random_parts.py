"""`make random` goes on where its last call ended, part by part, and notes what failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import random_parts


def test_a_call_goes_on_where_the_last_one_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    figures.write_text('{"nets": 7, "failed": []}')
    assert random_parts.main(["--nets", "8", "--figures", str(figures)]) == 0
    assert json.loads(figures.read_text()) == {"nets": 8, "failed": []}
    assert capsys.readouterr().out == "8 nets, failed parts: none\n"
    assert random_parts.main(["--nets", "8", "--figures", str(figures)]) == 0
    assert capsys.readouterr().out == ""


def test_a_part_that_fails_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = tmp_path / "figures.json"
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")  # no test of it can run
    assert random_parts.main(["--nets", "4", "--part", "2", "--figures", str(figures)]) == 1
    assert json.loads(figures.read_text()) == {"nets": 4, "failed": [0, 2]}
