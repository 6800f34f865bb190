"""The run folder: where the stages meet. One folder a model, teacher first, each with the same file names.

RUN/run.json               the data set, and the names of the models in the order they were made
RUN/teacher/model.keras    what training left (needs edgeblur[train] to read)
RUN/teacher/model.json     what it is: kind, shape, parameters, how it was made
RUN/teacher/history.json   options, losses and metrics by epoch, drawn in curves.png; hard.json after `--hard`
RUN/teacher/checkpoint/    with best.npz, while a training has not ended: `--resume` goes on from there
RUN/teacher/float.tflite   float32, batch 1: enough for every later stage, without TensorFlow
RUN/teacher/int8.tflite    after `edgeblur quantize`, with quantize.json
RUN/teacher/int16x8.tflite  after `edgeblur quantize --int16x8`, with quantize_int16x8.json
RUN/mask8/int8_mask.tflite, float_mask.tflite  the mask part of these alone, where it was asked for
RUN/w8/...                 the same for each student: w8-prune50, w8-qat, gate8, mask8, ...
RUN/mask8/clamp.json       after `edgeblur clamp`, of a net that finds masks; drawn in clamp.png
RUN/boards.json            what `edgeblur run` counted or timed on boards
RUN/compare.json           after `edgeblur compare` or `report`, with the contact sheet compare.png
RUN/report.html, report.md  with before-after.png
RUN/report.json            the student that the report leads with, in numbers (`report/summary.py` describes them)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.files import alone_in
from edgeblur.records import Record
from edgeblur.store.notes import HISTORY, MODEL, QUANTIZE, Account, History, ModelInfo

TEACHER = "teacher"
RUN = "run.json"
_NAME = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class RunModel:
    """One model's folder inside a run; a file may not exist yet."""

    folder: Path

    @property
    def name(self) -> str:
        """`teacher`, `w8`, `w8-prune50`, ..."""
        return self.folder.name

    @property
    def keras(self) -> Path:
        """The trained model, in the tf_keras format."""
        return self.folder / "model.keras"

    @property
    def float_tflite(self) -> Path:
        """Float32 flatbuffer, `[1, H, W, 3]` to `[1, H, W, 3]`, 0 to 1."""
        return self.folder / "float.tflite"

    @property
    def int8_tflite(self) -> Path:
        """Fully quantized flatbuffer."""
        return self.folder / "int8.tflite"

    def quantized(self, scheme: str = "int8") -> Path:
        """The flatbuffer of a scheme: `int8.tflite`, or `int16x8.tflite` with activations of 16 bits."""
        return self.folder / f"{scheme}.tflite"

    def quantized_account(self, scheme: str = "int8") -> Path:
        """What that cost: `quantize.json`, or `quantize_int16x8.json`."""
        return self.folder / (QUANTIZE if scheme == "int8" else QUANTIZE.replace(".", f"_{scheme}."))

    @property
    def masks(self) -> tuple[Path, ...]:
        """The mask part of a mask net alone, of its int8 form and of its float form."""
        return tuple(path.with_name(f"{path.stem}_mask.tflite") for path in (self.int8_tflite, self.float_tflite))

    def info(self) -> ModelInfo:
        """What model.json says; nothing is known if there is none.

        Raises:
            UserError: it is damaged.
        """
        path = self.folder / MODEL
        return ModelInfo.read(path) if path.exists() else ModelInfo()

    def history(self) -> History:
        """What history.json says.

        Raises:
            UserError: it is missing or damaged.
        """
        return History.read(self.folder / HISTORY)

    def account(self) -> Account | None:
        """What quantize.json says, None before the model is quantized.

        Raises:
            UserError: it is damaged.
        """
        return Account.read_if_there(self.folder / QUANTIZE)


@dataclass(frozen=True)
class Settings(Record):
    """run.json.

    Attributes:
        dataset: where the data set of the run lies.
        models: names of its models, the teacher first, else by age.
        training: the teacher's options as it was begun with, to be compared with those that it is resumed with.
        remark: a sentence for the report.
        student: the model that the report leads with.
        edgeblur: the version that made it.
    """

    KEYS: ClassVar = ("edgeblur", "dataset", "training", "models", "remark", "student")
    REMEDY: ClassVar = "restore it, or train again"

    dataset: Path
    models: tuple[str, ...]
    training: Mapping[str, Any] | None = None
    remark: str | None = None
    student: str | None = None
    edgeblur: str | None = None

    def __post_init__(self) -> None:
        for name in self.models:
            if not _NAME.fullmatch(name):  # a folder's, right in the run's: ../x is somebody else's
                raise ValueError(f"models should be names of folders in the run, but one is {name!r:.60}")


@dataclass(frozen=True)
class Run:
    """A run folder on disk."""

    folder: Path

    def settings(self) -> Settings:
        """What run.json says.

        Raises:
            UserError: it is missing or damaged.
        """
        return Settings.read(self.folder / RUN)

    @property
    def dataset(self) -> Path:
        """Where the data set of this run lies."""
        return self.settings().dataset

    @property
    def teacher(self) -> RunModel:
        """The teacher's folder."""
        return RunModel(self.folder / TEACHER)

    def models(self) -> list[RunModel]:
        """Finished models in the order they were made, the teacher first."""
        return [m for name in self.settings().models if (m := RunModel(self.folder / name)).keras.exists()]

    def some_models(self) -> list[RunModel]:
        """`models`, of which there is one at least.

        Raises:
            UserError: none is finished yet.
        """
        models = self.models()
        if not models:
            raise UserError(f"{self.folder} holds no finished model yet: run `edgeblur train` first")
        return models

    def model(self, name: str | None = None) -> RunModel:
        """A model by name; without one, the newest student, else the teacher.

        Raises:
            UserError: no such model in this run.
        """
        models = self.some_models()
        if name is None:
            students = [m for m in models if m.info().kind == "student"]
            return (students or models)[-1]
        for model in models:
            if model.name == name:
                return model
        raise UserError(f"{self.folder} has no model {name!r}: it has {', '.join(m.name for m in models)}")

    def add(self, name: str) -> RunModel:
        """Note a model in run.json (again, if it was there) and return its folder."""
        with alone_in(self.folder, wait=True):  # two commands may end in one run at the same moment
            settings = self.settings()
            models = sorted((*(m for m in settings.models if m != name), name), key=lambda m: m != TEACHER)
            replace(settings, models=tuple(models)).write(self.folder / RUN)  # the teacher first, else by age
        return RunModel(self.folder / name)


def create_run(folder: Path, dataset: Path, training: Mapping[str, Any] | None = None) -> Run:
    """Start a run folder that reads `dataset`.

    Args:
        training: options that the teacher's training is begun with, as JSON.
    """
    Settings(dataset.absolute(), (), training, edgeblur=__version__).write(folder / RUN)
    return Run(folder)


def open_run(folder: Path) -> Run:
    """Open a run folder.

    Raises:
        UserError: there is none at `folder`.
    """
    if not (folder / RUN).is_file():
        raise UserError(
            f"{folder} is not a run folder (it has no {RUN}): make one with `edgeblur train --out {folder}`"
        )
    return Run(folder)
