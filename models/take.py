"""Taking a model of the shelf into a run folder: what training then goes on from, or is measured beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgeblur.files import as_json, write_together
from edgeblur.models.shelf import FLOAT, INT8, require_entry, stored
from edgeblur.store.notes import MODEL
from edgeblur.store.run_folder import Run, RunModel

_TAKEN = (FLOAT, INT8, "history.json", "quantize.json")


def take(run: Run, name: str, *, called: str | None = None) -> RunModel:
    """Copy a model of the shelf, with the net that it was made from, into a run folder, and note it in run.json.

    Args:
        run: gets the model.
        name: its name on the shelf.
        called: its name in the run; the same by default. `teacher` makes it the run's teacher.

    Raises:
        UserError: the shelf has no such model, or its .keras file is not installed.
    """
    shelved, model = (entry := require_entry(name)).shelved, RunModel(run.folder / (called or name))
    kind: Literal["teacher", "student"] = "teacher" if model == run.teacher else "student"
    info = replace(RunModel(shelved.folder).info(), name=model.name, shelf=name, kind=kind, parent=None)
    files = {model.keras: entry.keras.read_bytes(), model.folder / MODEL: as_json(info.as_json())}
    found = {model.folder / file: stored(shelved.folder, file) for file in _TAKEN}
    write_together(files | {ours: path.read_bytes() for ours, path in found.items() if path.is_file()})
    return run.add(model.name)
