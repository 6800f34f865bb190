"""A run as one self-contained HTML page and one Markdown page; every figure is read from the run's files."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.files import read_json, write_text
from edgeblur.firmware_harness.compare import compare, write_comparison
from edgeblur.run import TEACHER, Run, RunModel

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
    entry: dict[str, Any]
    change_db: float | None


@dataclass(frozen=True)
class Report:
    """All that the pages show."""

    run: Run
    settings: dict[str, Any]
    dataset: dict[str, Any]
    comparison: dict[str, Any]
    models: tuple[RunModel, ...]
    steps: tuple[Step, ...]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The rows of compare.json."""
        return list(self.comparison["entries"])

    def entry(self, name: str, precision: str | None = None) -> dict[str, Any] | None:
        """A row by name and precision, None if it is not there."""
        found = (e for e in self.entries if e["name"] == name and e.get("precision") == precision)
        return next(found, None)


def gather(run: Run, *, limit: int = 200, judge: str | None = "centerface") -> Report:
    """Read a run's files; the comparison is made first if it is missing or older than a model.

    Raises:
        UserError: the run has no finished model, or its data set is gone.
    """
    models = run.models()
    if not models:
        raise UserError(
            f"{run.folder} holds no finished model yet, so there is nothing to report: run `edgeblur train`"
        )
    if _stale(run, models):
        detectors = [judge] if judge else []
        write_comparison(compare(run, limit=limit, judge=judge, detectors=detectors), run.folder)
    comparison = read_json(run.folder / "compare.json")
    manifest = read_json(run.dataset / "manifest.json")
    steps = tuple(_steps(models, comparison["entries"]))
    return Report(run, run.settings(), manifest, comparison, tuple(models), steps)


def _stale(run: Run, models: list[RunModel]) -> bool:
    made = run.folder / "compare.json"
    files = [path for m in models for path in (m.float_tflite, m.int8_tflite) if path.exists()]
    return not made.exists() or any(path.stat().st_mtime > made.stat().st_mtime for path in files)


def _steps(models: list[RunModel], entries: list[dict[str, Any]]) -> list[Step]:
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
            told = f"{parent} float32" if parent else None
            steps.append(Step(model.name, _words(info), told, exact, _change(before, exact)))
        if int8:
            steps.append(Step(model.name, "quantized to int8", f"{model.name} float32", int8, _change(exact, int8)))
    return steps


def _words(info: dict[str, Any]) -> str:
    for key, text in _STEPS.items():
        if key in info:
            return text.format(info[key])
    return "trained" if info.get("kind") == TEACHER else "distilled from the teacher"


def _change(before: dict[str, Any] | None, after: dict[str, Any]) -> float | None:
    pair = [e["fidelity"]["image"].get("psnr_db") for e in (before, after) if e]
    return round(pair[1] - pair[0], 2) if len(pair) == 2 and None not in pair else None


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Render report.html (self-contained) and report.md (beside the run's pictures) into `folder`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("edgeblur.firmware_harness", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(db=_db, share=_share, thousands=_thousands, mega=_mega, signed=_signed)
    pages = folder / "report.html", folder / "report.md"
    for page in pages:
        template = environment.get_template(f"{page.name}.j2")
        write_text(page, template.render(report=report, version=__version__, embed=_embed) + "\n")
    return pages


def _embed(path: Path) -> str:
    """A PNG as a data URI, so that the page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _db(part: dict[str, Any] | None) -> str:
    if not part:
        return "-"
    return "identical" if part.get("identical") else f"{part['psnr_db']:.2f}"


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _thousands(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _mega(number: int | None) -> str:
    return "-" if number is None else f"{number / 1e6:,.1f}"


def _signed(number: float | None) -> str:
    return "-" if number is None else f"{number:+.2f}"
