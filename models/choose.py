"""What a name or a path on a command line means: a .tflite file, a model of a run folder, or one of the shelf."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.models.shelf import advice, entry_at, find_entry
from edgeblur.store.notes import MODEL
from edgeblur.store.run_folder import RUN, Run, RunModel, open_run


def choose_model(path: Path, name: str | None = None) -> tuple[Run, RunModel]:
    """The model that a user means by a run folder and perhaps a name, or by a model's folder inside a run.

    Raises:
        UserError: no run, no such model in it, or a name that is not that of the folder.
    """
    if not (path / MODEL).is_file():
        run = open_run(path)
        return run, run.model(name)
    if name not in (None, path.name):
        raise UserError(
            f"{path} is the folder of one model: leave the model {name} out, or give the run, {path.parent}",
            options=("model",),
        )
    return open_run(path.parent), RunModel(path)


@dataclass(frozen=True)
class Chosen:
    """What RUN_OR_MODEL on a command line came to: a model file, and the run around it if there is one.

    Attributes:
        path: a .tflite file.
        run, model: the run that it belongs to, and its place there.
        shelf_name: what it is called on the shelf of models that come with edgeblur.
    """

    path: Path
    run: Run | None
    model: RunModel | None
    shelf_name: str | None = None

    @property
    def name(self) -> str:
        """How tables call it: the model's name in its run or on the shelf, or the file's name."""
        return self.model.name if self.model else self.shelf_name or self.path.name

    @property
    def title(self) -> str:
        """How messages and generated files call it: `called(path)`."""
        return called(self.path)


def called(path: Path) -> str:
    """What people call a .tflite: its name on the shelf, `w8/int8.tflite` in a run, else the file's name."""
    if (entry := entry_at(path)) is not None:
        return entry.name
    return f"{path.parent.name}/{path.name}" if (path.parent / MODEL).is_file() else path.name


def refuse_hiding(path: Path, *, keras: bool = False) -> None:
    """Refuse what lies in the place of a shelf's name, and cannot be meant: what exists wins, if it is a model.

    Args:
        path: what was given, and exists.
        keras: a .keras or .h5 file is asked for.

    Raises:
        UserError: the shelf has a model of that name, and this is no .tflite, run, or model of a run.
    """
    kind, wanted = "file", "a .tflite"
    if path.is_dir():
        kind, wanted = "folder", "a .keras file" if keras else f"a run (it has no {RUN})"
        whole = not keras and ((path / RUN).is_file() or (path / MODEL).is_file())
    else:
        whole = keras or not path.is_file() or _is_marked(path)
    if not whole and (entry := find_entry(str(path))) is not None:
        raise UserError(
            f"the {kind} {path} hides the shelf's model of that name, and is not {wanted}: for the model, give "
            f"{entry.keras if keras else entry.path}, or run this where nothing is called {path}"
        )


def _is_marked(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"TFL3"


def choose_tflite(path: Path, name: str | None = None) -> Chosen:
    """Find the .tflite that a user means: that file, a run's model (int8 if quantized, else float), or the shelf's.

    Args:
        path: a .tflite file, a run folder, a model's folder inside a run, or a name of the shelf; what exists wins.
        name: which model of a run; its newest student by default.

    Raises:
        UserError: nothing there, no .tflite yet, or `name` with anything but a run.
    """
    entry = entry_at(path) if path.is_file() else None if path.exists() else find_entry(str(path))
    if entry is not None:
        if name is not None:
            raise UserError(
                f"the model {name} is one of a run, and none is named: give {name} itself, or a run folder",
                options=("model",),
            )
        return Chosen(entry.path, None, None, entry.name)
    if path.exists() and not path.suffix:  # as names of the shelf
        refuse_hiding(path)
    if path.is_file():
        if name is not None:
            raise UserError(f"{path} is a file: leave the model {name} out, or give a run folder", options=("model",))
        model = RunModel(path.parent)
        inside = (path.parent.parent / RUN).is_file() and (path.parent / MODEL).is_file()
        return Chosen(path, Run(path.parent.parent) if inside else None, model if inside else None)
    if not path.exists():
        raise UserError(f"{path} does not exist: give a run folder or a .tflite file, {advice(str(path))}")
    run, model = choose_model(path, name)
    for candidate in (model.int8_tflite, model.float_tflite):
        if candidate.exists():
            return Chosen(candidate, run, model)
    raise UserError(f"{model.folder} holds no .tflite: run `edgeblur quantize --int8 {path}` first")
