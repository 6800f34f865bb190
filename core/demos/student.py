"""`edgeblur demo`: from the trained models that ship to a student of one's own, on drawn scenes, in a few minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.demos.finish import STEPS, Demo, Finished, finish, remark
from edgeblur.demos.steps import draw, numbered
from edgeblur.distill.data.make import MakeOptions
from edgeblur.distill.nets.clamp import Clamp, reset_clamp
from edgeblur.distill.nets.keras_files import require_tensorflow
from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.student import StudentOptions, distill
from edgeblur.distill.training.fit import FitOptions
from edgeblur.distill.training.lessons import Augmentation
from edgeblur.files import made_parents, refuse_existing, refuse_strangers, set_aside
from edgeblur.firmware_harness.comparison.table import Entry
from edgeblur.models.shelf import require_entry
from edgeblur.models.take import take
from edgeblur.progress import say
from edgeblur.store.dataset import open_dataset
from edgeblur.store.run_folder import TEACHER, Run, RunModel, create_run

STUDENT, PAINTER = "live", "unet8"
"""Names of the shelf: what the student starts from, and the thesis's own U-Net, which paints the blurred picture."""


@dataclass(frozen=True)
class DemoOptions:
    """Sizes at which two cores need a few minutes.

    Attributes:
        scenes: drawn face scenes, if there is no data set.
        epochs: of the student, which starts from the shelf's weights.
        tuning_epochs: of the painting U-Net, after pruning its channels, and while zeroing its weights.
        prune: share of its channels removed.
        sparsity: share of its weights zeroed.
        limit: test pictures that models are measured on.
    """

    scenes: int = 400
    epochs: int = 3
    tuning_epochs: int = 1
    prune: float = 0.5
    sparsity: float = 0.6
    limit: int = 40


# Trained weights are to be tuned, not lost: small steps, of which an average is kept.
_AUGMENTATION = Augmentation(smallest_crop=0.7, paste=0.3, brightness=0.3)
_FINDER = FitOptions(
    batch=16, learning_rate=2e-4, patience=99, face_weight=0.8, ema=0.98, keep="last", augmentation=_AUGMENTATION
)
_PAINTER = FitOptions(batch=8, learning_rate=1e-3, patience=99, face_weight=6.0, augmentation=_AUGMENTATION)

_REMARK = (
    "Made by edgeblur demo: {student} started from the weights that come with edgeblur and learned drawn scenes with "
    "the teacher that comes with it. w8 is the {painter} of the shelf, which paints the blurred picture as the "
    "thesis's U-Net does; it was pruned here and stands beside the student for comparison. Drawn faces are easier than "
    "photographed ones: the cards of the models say what they leak on photos."
)


def run_demo(out: Path, options: DemoOptions, *, data: Path | None = None, force: bool = False) -> Demo:
    """Go from pictures and the trained models that ship to a student in C and a report.

    Args:
        out: a new folder; gets `data/` (unless `data` is given), `run/`, `firmware/` and `firmware_stream/`.
        data: a data set to use instead of drawn scenes.

    Raises:
        UserError: `out` is occupied, TensorFlow is not installed, or the .keras files of the shelf are not.
        RunError: the two reference engines differ.
    """
    require_tensorflow()
    for name in (TEACHER, STUDENT, PAINTER):
        _ = require_entry(name).keras  # what is missing is reported before anything is made
    refuse_existing(out, force=force)
    refuse_strangers(out, "run/run.json" if (out / "run").exists() else "data/manifest.json")  # ended early perhaps
    steps, started = numbered(3 + STEPS), time.monotonic()
    if data is None:
        say(f"{next(steps)} drawing {options.scenes} face scenes")
        data = draw(out / "data", options.scenes, MakeOptions(), force=force)
    else:
        say(f"{next(steps)} using the data set {data}")
    say(f"{next(steps)} taking the teacher, {STUDENT} and {PAINTER} that come with edgeblur")
    run = _run(out / "run", data, force=force)
    say(f"{next(steps)} distilling the student, pruning the U-Net that paints")
    distill(run, _lesson(options))
    reset_clamp(run.model(STUDENT), _clamp())
    distill(run, _pruning(options))
    remark(run, _REMARK.format(student=STUDENT, painter=PAINTER), student=STUDENT)
    done = finish(run, run.model(STUDENT), out, steps, limit=options.limit, force=force)
    return Demo(done.html, _summary(done, out, time.monotonic() - started))


def _run(folder: Path, data: Path, *, force: bool) -> Run:
    """A new run with the shelf's teacher and painting U-Net, in the place of an earlier one if `force`.

    Raises:
        UserError: `data` is no data set.
    """
    open_dataset(data)
    refuse_existing(folder, force=force)
    with made_parents(folder), set_aside(folder):
        run = create_run(folder, data)
        take(run, TEACHER)
        take(run, PAINTER, called="w8")
    return run


def _lesson(options: DemoOptions) -> StudentOptions:
    """How the student goes on learning, from the weights that ship."""
    fit = replace(_FINDER, epochs=options.epochs)
    return StudentOptions(family=STUDENT, alone=False, start=require_entry(STUDENT).keras, fit=fit)


def _clamp() -> Clamp:
    """The mask value at which the shelf's model blurs: it was chosen on photos, and has no part in learning."""
    spec = MaskSpec.from_json(RunModel(require_entry(STUDENT).shelved.folder).info().spec)
    return Clamp(spec.threshold, spec.full)


def _pruning(options: DemoOptions) -> StudentOptions:
    """How the painting U-Net is pruned, in both ways."""
    fit = replace(_PAINTER, epochs=options.tuning_epochs)
    return StudentOptions(width=8, alone=False, prune=options.prune, sparsity=options.sparsity, fit=fit)


def _summary(done: Finished, out: Path, seconds: float) -> tuple[str, ...]:
    report = done.report
    rows = [report.entry(*key) for key in ((STUDENT, "int8"), ("w8", "int8"), ("untouched", ""))]
    student, painter, untouched = (row for row in rows if row)
    counts = report.dataset.counts
    arena = f", {student.arena_bytes:,} bytes of TFLM arena" if student.arena_bytes is not None else ""
    work = f", {student.macs / 1e6:.1f} MMAC" if student.macs is not None else ""
    return (
        f"pictures: {counts.train} train, {counts.val} val, {counts.test} test; {seconds / 60:.1f} minutes in all",
        f"{STUDENT} int8: {_leaks(student)} (untouched: {_leaks(untouched)}), {_outside(student)} outside of them; "
        f"{student.size_bytes:,} bytes{work}{arena}",
        f"beside it, the U-Net that paints: {_leaks(painter)}, {_outside(painter)} outside",
        f"{done.ran}; C in {out / 'firmware_stream'} (ours) and {out / 'firmware'} (for TensorFlow Lite Micro)",
        f"before and after: {done.html}",
    )


def _leaks(entry: Entry) -> str:
    leak = entry.leak
    if leak is None or leak.rate is None:
        return "leaks not measured"
    return f"{leak.leaked} of {leak.faces} faces leak ({leak.rate:.1%})"


def _outside(entry: Entry) -> str:
    outside = entry.protection.fidelity.outside
    return f"{outside.psnr_db:.2f} dB" if outside else "nothing"
