"""A report as pages: report.html, which needs no other file, report.md beside the run's pictures, and report.json."""

from __future__ import annotations

import base64
import math
import re
from pathlib import Path

from edgeblur import __version__
from edgeblur.files import write_bytes, write_json, write_text
from edgeblur.firmware_harness.comparison.contact_sheet import png
from edgeblur.firmware_harness.comparison.table import SHEET, Entry
from edgeblur.firmware_harness.fit.needs import TFLM_CODE_BYTES
from edgeblur.firmware_harness.report.before_after import before_after
from edgeblur.firmware_harness.report.boards import HEADINGS, MODEL_OF_TIME
from edgeblur.firmware_harness.report.chart import Chart, Level, Point, scatter
from edgeblur.firmware_harness.report.facts import Report
from edgeblur.firmware_harness.report.summary import NAME, summary_json
from edgeblur.pictures.metrics import Part
from edgeblur.store.run_folder import RunModel

BEFORE_AFTER = "before-after.png"


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Render report.html (self-contained), report.md (beside the run's pictures) and report.json into `folder`.

    Returns:
        The two pages.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("edgeblur.firmware_harness.report", "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        db=_db, share=_share, thousands=_thousands, mega=_mega, signed=_signed, fixed=_fixed, times=_times, cell=_cell
    )
    pages = folder / "report.html", folder / "report.md"
    opening = _opening(report, folder)
    for page in pages:
        template = environment.get_template(f"{page.name}.j2")
        text = template.render(
            report=report, version=__version__, embed=_embed, sheet=SHEET, charts=charts(report),
            board_headings=HEADINGS, model_of_time=MODEL_OF_TIME, tflm_code_bytes=TFLM_CODE_BYTES[1],
            opening=opening,
        )  # fmt: skip
        write_text(page, text.rstrip("\n") + "\n")
    write_json(folder / NAME, summary_json(report))
    return pages


def _opening(report: Report, folder: Path) -> Path | None:
    """The picture before and after that the pages open with, None for a run without a net or a face to show."""
    lead = report.headline
    if lead is None:
        return None
    model = RunModel(report.run.folder / lead.name)
    path = model.int8_tflite if lead.precision == "int8" else model.float_tflite
    sheet = before_after(report.run.dataset, path, lead.name) if path.exists() else None
    if sheet is None:
        return None
    write_bytes(folder / BEFORE_AFTER, png(sheet))
    return folder / BEFORE_AFTER


def charts(report: Report) -> list[Chart]:
    """Size against fidelity and work against privacy, as far as they were measured."""
    drawn = (_fidelity_chart(report), _privacy_chart(report))
    return [chart for chart in drawn if chart]


def _fidelity_chart(report: Report) -> Chart | None:
    points = [
        _point(e, e.size_bytes, db, f"{e.size_bytes:,} bytes, {db:.2f} dB")
        for e in _drawn(report)
        if e.size_bytes is not None and math.isfinite(db := _psnr_db(e))
    ]
    found = [Level(e.name, db) for e in report.entries if e.approach != "B" and math.isfinite(db := _psnr_db(e))]
    return scatter(points, found, title="Fidelity against size", x_title=".tflite, bytes", y_title="PSNR, dB")


def _privacy_chart(report: Report) -> Chart | None:
    points = [
        _point(e, e.macs / 1e6, rate, f"{e.macs / 1e6:,.1f} MMAC, {rate:.1%} leak")
        for e in _drawn(report)
        if (rate := e.leak_rate) is not None and e.macs
    ]
    found = [Level(e.name, rate) for e in report.entries if e.approach != "B" and (rate := e.leak_rate) is not None]
    return scatter(
        points, found, title="Leaks against work", x_title="MMAC a picture", y_title="leak rate", percent=True
    )


def _drawn(report: Report) -> list[Entry]:
    """The nets of the charts; one that was only trained to be compared with another would hide it."""
    return [e for e in report.nets if not e.name.endswith("-alone")]


def _point(entry: Entry, x: float, y: float, note: str) -> Point:
    return Point(entry.name, f"{entry.title}: {note}", x, y, entry.precision == "int8")


def _psnr_db(entry: Entry) -> float:
    return entry.protection.fidelity.image.psnr_db


def _embed(path: Path) -> str:
    """A PNG as a data URI, so that the page needs no other file."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _db(part: Part | None) -> str:
    if part is None:
        return "-"
    return f"{part.psnr_db:.2f}" if math.isfinite(part.psnr_db) else "identical"


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _thousands(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _mega(number: int | None) -> str:
    return "-" if number is None else f"{number / 1e6:,.1f}"


def _signed(number: float | None) -> str:
    return "-" if number is None else f"{number:+.2f}"


def _fixed(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def _times(larger: float | None, smaller: float | None) -> str:
    """How many times `smaller` goes into `larger`."""
    return f"{larger / smaller:,.1f}" if larger and smaller else "-"


def _cell(text: object) -> str:
    """Text that Markdown shows as it is, in a cell of a table as well: no markup, no other direction of writing."""
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return re.sub(r"([\\`*\[\]<|])", r"\\\1", plain)
