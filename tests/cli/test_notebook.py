"""The notebook of the whole way: it runs, and what it shows came of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_notebook import execute
from tools import require

NOTEBOOK = Path(__file__).parents[2] / "docs" / "the-whole-way.ipynb"


def text(cell: dict[str, Any]) -> str:
    return "".join(line for output in cell["outputs"] for line in output.get("text", ()))


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    written = json.loads(NOTEBOOK.read_text())
    monkeypatch.chdir(tmp_path)
    executed = execute(written)
    told = "".join(map(text, code_cells(executed)))
    assert "0 of 36,864 output bytes differ" in told
    assert "instructions a picture, 0 bytes differ" in told
    for before, after in zip(code_cells(written), code_cells(executed), strict=True):
        kinds = [[sorted(output.get("data", output)) for output in cell["outputs"]] for cell in (before, after)]
        assert kinds[0] == kinds[1], "execute it again: python docs/make/run_notebook.py docs/the-whole-way.ipynb"


def test_the_notebook_shows_pictures() -> None:
    outputs = [output for cell in code_cells(json.loads(NOTEBOOK.read_text())) for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert NOTEBOOK.stat().st_size < 300_000
