"""`edgeblur demo --from-scratch`: the whole way on a small scale, from random weights, stage after stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.demos.finish import STEPS, Demo, finish, remark
from edgeblur.demos.steps import draw, numbered
from edgeblur.distill.data.make import MakeOptions
from edgeblur.distill.nets.keras_files import require_tensorflow
from edgeblur.distill.nets.unet import unet_spec
from edgeblur.distill.student import StudentOptions, distill
from edgeblur.distill.teacher import TrainOptions, train
from edgeblur.distill.training.fit import FitOptions
from edgeblur.distill.training.lessons import Augmentation
from edgeblur.files import refuse_existing, refuse_strangers
from edgeblur.firmware_harness.comparison.table import Entry
from edgeblur.firmware_harness.report.facts import Report
from edgeblur.progress import say
from edgeblur.store.run_folder import Run, RunModel, open_run


@dataclass(frozen=True)
class DemoOptions:
    """The embedded default: sizes at which two cores need a few minutes.

    Attributes:
        scenes: drawn face scenes, if there is no data set.
        teacher_width: filters of the demo's own small teacher.
        teacher_epochs: of its training.
        student_width: filters of the student.
        student_epochs: of each of its two trainings, with and without the teacher.
        tuning_epochs: after pruning channels, and while zeroing weights.
        prune: share of channels removed.
        sparsity: share of weights zeroed.
        limit: test pictures that models are measured on.
        size: side of the nets' input.
    """

    scenes: int = 400
    teacher_width: int = 16
    teacher_epochs: int = 9
    student_width: int = 8
    student_epochs: int = 6
    tuning_epochs: int = 2
    prune: float = 0.5
    sparsity: float = 0.6
    limit: int = 40
    size: int = 128


# What a few hundred steps can teach: small batches, faces that count, and pictures that are not varied too wildly.
_FIT = FitOptions(
    batch=8, learning_rate=2e-3, patience=99, face_weight=6.0,
    augmentation=Augmentation(smallest_crop=0.7, paste=0.3, brightness=0.3),
)  # fmt: skip


def run_demo(out: Path, options: DemoOptions, *, data: Path | None = None, force: bool = False) -> Demo:
    """Go from pictures to C arrays and a report.

    Args:
        out: a new folder; gets `data/` (unless `data` is given), `run/`, `firmware/` and `firmware_stream/`.
        data: a data set to use instead of drawn scenes.

    Raises:
        UserError: `out` is occupied, or TensorFlow is not installed.
        RunError: the two reference engines differ.
    """
    require_tensorflow()
    refuse_existing(out, force=force)
    refuse_strangers(out, "run/run.json" if (out / "run").exists() else "data/manifest.json")  # ended early perhaps
    steps = numbered(3 + STEPS)
    started = time.monotonic()
    if data is None:
        say(f"{next(steps)} drawing {options.scenes} face scenes")
        data = draw(out / "data", options.scenes, MakeOptions(), force=force)
    else:
        say(f"{next(steps)} using the data set {data}")
    run = _train(out / "run", data, options, steps, force)
    student = run.model(f"w{options.student_width}")
    done = finish(run, student, out, steps, limit=options.limit, force=force)
    return Demo(done.html, _summary(done.report, student, done.ran, out, time.monotonic() - started))


def _train(folder: Path, data: Path, options: DemoOptions, steps: Iterator[str], force: bool) -> Run:
    """The demo's own teacher, and its student: distilled, then pruned in both ways."""
    say(f"{next(steps)} training a small teacher of the demo's own")
    spec = unet_spec(options.teacher_width, height=options.size, width=options.size)
    train(data, folder, TrainOptions(spec, replace(_FIT, epochs=options.teacher_epochs)), force=force)
    run = open_run(folder)
    _remark(run, options)
    say(f"{next(steps)} distilling a student, with and without the teacher; pruning it")
    lesson = StudentOptions(width=options.student_width, fit=replace(_FIT, epochs=options.student_epochs))
    distill(run, lesson)
    tuning = replace(lesson, fit=replace(_FIT, epochs=options.tuning_epochs, learning_rate=1e-3))
    distill(run, replace(tuning, prune=options.prune, sparsity=options.sparsity))
    return run


def _remark(run: Run, options: DemoOptions) -> None:
    """Say on the report what these figures are worth."""
    teacher, side = run.teacher.info(), options.size
    text = (
        "Made by edgeblur demo --from-scratch, which trains a small teacher of its own: "
        f"{teacher.parameters:,} parameters at {side}x{side} pixels instead of the thesis's 1,925,667 at 128x128, "
        f"trained for {teacher.seconds:,} seconds. The figures show the way that models take, not how good they can "
        "become: nobody is protected by these nets."
    )
    remark(run, text, student=f"w{options.student_width}")


def _summary(report: Report, student: RunModel, agreement: str, out: Path, seconds: float) -> tuple[str, ...]:
    rows = [report.entry(*key) for key in (("teacher", "float32"), (student.name, "float32"), (student.name, "int8"))]
    teacher, exact, int8 = (row for row in rows if row)
    counts = report.dataset.counts
    return (
        f"pictures: {counts.train} train, {counts.val} val, {counts.test} test; {seconds / 60:.1f} minutes in all",
        f"teacher {teacher.parameters:,} parameters {_db(teacher)}; {student.name} {exact.parameters:,} "
        f"parameters {_db(exact)}{_gain(student)}",
        f"int8 {_db(int8)}, {_size(int8)}; {_leaks(int8, report.entry('untouched'))}",
        f"{agreement}; C in {out / 'firmware_stream'} (ours) and {out / 'firmware'} (for TensorFlow Lite Micro)",
        f"report: {report.run.folder / 'report.html'}",
    )


def _db(entry: Entry) -> str:
    return f"{entry.protection.fidelity.image.psnr_db:.2f} dB"


def _gain(student: RunModel) -> str:
    gained = student.info().gained_by_distilling
    if gained is None or gained.gain_db is None:
        return ""
    return f" (distilling gained {gained.gain_db:+.2f} dB in validation)"


def _size(int8: Entry) -> str:
    work = f", {int8.macs / 1e6:.0f} MMAC" if int8.macs is not None else ""
    arena = f"; TFLM arena {int8.arena_bytes:,} bytes" if int8.arena_bytes is not None else ""
    return f"{int8.size_bytes:,} bytes{work}{arena}"


def _leaks(int8: Entry, untouched: Entry | None) -> str:
    after, before = int8.leak_rate, untouched.leak_rate if untouched else None
    if after is None or before is None:
        return "leak rate not measured"
    return f"leak rate {after:.0%} (untouched {before:.0%})"
