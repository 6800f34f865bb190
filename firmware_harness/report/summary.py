"""report.json: the student that a report leads with, as a few plain numbers for scripts and other people's CI."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from edgeblur.files import sha256
from edgeblur.firmware_harness.boards.records import Ran, records
from edgeblur.firmware_harness.comparison.table import Entry
from edgeblur.firmware_harness.report.facts import Report
from edgeblur.records import Record
from edgeblur.store.run_folder import Run, RunModel

NAME = "report.json"


@dataclass(frozen=True)
class StudentSummary(Record):
    """The student of a report; what is unknown is None, and absent in JSON.

    Attributes:
        name: in its run.
        precision: `int8`, or `float32` before a student is quantized.
        leak_rate: share of the test split's labelled faces that the judge still finds, 0 to 1.
        faces: how many faces that is a share of.
        psnr_outside_db: fidelity to the target outside the face masks; None where that is identical too.
        size_bytes: of the .tflite.
        board: where the model ran last, emulated or real.
        ram_bytes: of the linked firmware: data, bss and the reserved stack.
        flash_bytes: of the linked firmware.
        instructions: of a picture there, counted in emulation.
        differing_bytes: output bytes there that are not those of LiteRT's reference kernels.
    """

    name: str
    precision: str
    leak_rate: float | None = None
    faces: int | None = None
    psnr_outside_db: float | None = None
    size_bytes: int | None = None
    board: str | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    instructions: int | None = None
    differing_bytes: int | None = None


def student_summary(report: Report) -> StudentSummary | None:
    """The student that a report leads with, None for a run without a net."""
    entry = report.headline
    if entry is None:
        return None
    leak, ran, outside = entry.leak, _ran(report.run, entry), entry.protection.fidelity.outside
    return StudentSummary(
        name=entry.name,
        precision=entry.precision,
        leak_rate=leak.rate if leak else None,
        faces=leak.faces if leak else None,
        psnr_outside_db=outside.psnr_db if outside and math.isfinite(outside.psnr_db) else None,
        size_bytes=entry.size_bytes,
        board=ran.board if ran else None,
        ram_bytes=ran.ram_bytes if ran else None,
        flash_bytes=ran.flash_bytes if ran else None,
        instructions=ran.instructions if ran else None,
        differing_bytes=ran.differing_bytes if ran else None,
    )


def summary_json(report: Report) -> dict[str, Any]:
    """What report.json says: `{"student": {...}}`, empty for a run without a net."""
    student = student_summary(report)
    return {"student": student.as_json()} if student else {}


def _ran(run: Run, entry: Entry) -> Ran | None:
    """What the model's last run on a board came to, None if there was none."""
    path = RunModel(run.folder / entry.name).int8_tflite
    if entry.precision != "int8" or not path.exists():
        return None
    digest = sha256(path.read_bytes())
    return next((kept.ran for kept in reversed(records(run.folder)) if kept.sha256 == digest), None)
