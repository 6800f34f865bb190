"""Commands as a user gives them, and runs that they work in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.keras_files import save_model
from edgeblur.store.dataset import Dataset
from edgeblur.store.notes import ModelInfo
from edgeblur.store.run_folder import Run, create_run


def done(*arguments: object) -> None:
    """Run a command that is to succeed."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    assert ended.value.code == 0


def run_with_teacher(folder: Path, data: Dataset, teacher: Any) -> Run:
    """A new run whose teacher is this net."""
    run = create_run(folder, data.root)
    run.teacher.folder.mkdir()
    save_model(teacher, run.add("teacher"), ModelInfo(kind="teacher"))
    return run
