"""The end of a demonstration that trained: int8, C, all engines, an emulated board, the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.demos.steps import agree, emulate
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.write import export_stream
from edgeblur.export.tflm.write import export_model
from edgeblur.firmware_harness.engines.engines import available_engines
from edgeblur.firmware_harness.report.facts import Report, gather
from edgeblur.firmware_harness.report.pages import write_report
from edgeblur.models.choose import Chosen
from edgeblur.progress import say
from edgeblur.quantize.quantize import QuantizeOptions, quantize_run_model
from edgeblur.store.run_folder import RUN, Run, RunModel

STEPS = 5
"""How many steps `finish` announces."""


@dataclass(frozen=True)
class Demo:
    """Where everything lies, and the five lines that sum it up."""

    report: Path
    summary: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """What came of a run.

    Attributes:
        report: its facts.
        html: its page.
        ran: in which engines and on which board the student ran, for people.
    """

    report: Report
    html: Path
    ran: str


def remark(run: Run, text: str, *, student: str) -> None:
    """Note in run.json what the report says above all figures, and which student it leads with."""
    replace(run.settings(), remark=text, student=student).write(run.folder / RUN)


def finish(run: Run, student: RunModel, out: Path, steps: Iterator[str], *, limit: int, force: bool) -> Finished:
    """Quantize a run's models, export the student as C, run it everywhere, compare it with a detector.

    Args:
        run: its models are trained.
        student: what the demonstration is about.
        out: gets `firmware/` and `firmware_stream/`.
        steps: number the announcements.
        limit: test pictures to measure on.
        force: replace what is there.

    Raises:
        RunError: engines that must agree differ.
    """
    say(f"{next(steps)} quantizing to int8")
    for model in run.models():
        if model.info().kind != "alone" and not model.int8_tflite.exists():
            quantize_run_model(run, model, QuantizeOptions(limit=limit, calibration=100), force=force)
    shown = Chosen(student.int8_tflite, run, student)
    say(f"{next(steps)} exporting C arrays")
    export_model(shown.path, out / "firmware", name="face_blur", title=shown.title, force=force)
    streamed = out / "firmware_stream"
    export_stream(shown.path, streamed, StreamOptions("speed"), name="face_blur", title=shown.title, force=force)
    say(f"{next(steps)} running the student in {', '.join(available_engines())}")
    agreement = agree(shown, student.folder / "validate.json")
    say(f"{next(steps)} running the student on an emulated board")
    board = emulate(shown)
    say(f"{next(steps)} comparing with approach A, writing the report")
    report = gather(run, limit=limit)
    html, _ = write_report(report, run.folder)
    return Finished(report, html, f"{agreement}; {board}")
