"""The tables and pictures of docs/a-or-b.md: approach A measured, approach B from the shelf. `make answer DATA=...`

    answer.py DATA [--limit N]   makes BlazeFace in int8, measures the detectors on DATA's test split, counts on all
                                 boards, then writes the tables and the pictures
    answer.py                    writes tables and pictures anew from what was measured
    answer.py --boards           counts instructions on all boards of models that are new, then the tables
    answer.py --tables           the tables alone (seconds)
    answer.py --pictures         the pictures alone (minutes)

Writes docs/a-or-b.json (what was measured), the part of docs/a-or-b.md between its two markers, and docs/a-or-b.jpg
with its record (see answer_pictures.py). The same measures give the same text. Approach B is measured on photos by
`edgeblur models measure NAME --data DATA`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import answer_pictures

from edgeblur.errors import UserError
from edgeblur.files import sha256, with_part, write_text
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.comparison.table import Comparison, Entry
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.firmware_harness.privacy.tables import decibel
from edgeblur.models.measure import said_by
from edgeblur.models.measures import TEST_SET, Measures, counted, leak_from, read_measures
from edgeblur.models.shelf import default_entry, entries, find_entry
from edgeblur.progress import say
from edgeblur.records import Record

DOCS = Path(__file__).parents[1]
BEGIN = "<!-- tables: begin (made by `make answer`, not by hand) -->"
END = "<!-- tables: end -->"
PAGE, MEASURED = DOCS / "a-or-b.md", DOCS / "a-or-b.json"
BLURRERS, JUDGES = ("centerface", "blazeface"), ("centerface", "blazeface")
SIZES = ((16, "16-31 px"), (32, "32-63 px"), (64, "64 px and more"))
INT8 = "int8.tflite"
DETECTOR, BUILD = "blazeface", Path("build/answer")
"""Of approach A on a board: what its .tflite is called, and where it is made."""
FRAMED = (DETECTOR, "centre", "mask8", "live")
"""What looks at frames under the veil."""
COUNTED = (*FRAMED, "mask4", "mask16", "unet8", "gate8", "mask32")
"""What instructions are counted of on all boards; of the teacher they are known on a Cortex-M4."""
BOARDS = {"mps2-an385-m0plus": "M0+", "mps2-an385": "M3", "mps2-an386": "M4", "mps2-an500": "M7", "mps2-an505": "M33",
          "mps3-an547": "M55", "riscv32-virt": "RV32IMAC"}  # fmt: skip
FRAME = ("--frame", "320x240", "--pixels", "rgb565le", "--hold", "live")


@dataclass(frozen=True)
class Run(Record):
    """A run on an emulated board, of one picture or of a frame under the veil."""

    FLAT: ClassVar = ("ran",)

    name: str
    sha256: str
    frame: bool
    ran: Ran


@dataclass(frozen=True)
class Answer(Record):
    """docs/a-or-b.json: what was measured here, by which command, on how many photos.

    Attributes:
        command: that compared detectors in floats on photos.
        detector_command: that compared the detector of boards.
        images: of those photos.
        found: faces that BlazeFace finds in floats on them; `kept`: those that it finds in int8 as well.
        sha256: of the detector's .tflite.
        entries: rows of the comparison.
        runs: on boards.
    """

    command: str
    detector_command: str
    images: int
    found: int
    kept: int
    sha256: str
    entries: tuple[Entry, ...]
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True)
class Row:
    """An approach in the tables: what it protects, and of a model of the shelf what it takes."""

    name: str
    protection: Protection
    measures: Measures | None = None


def file_of(name: str) -> Path:
    """The .tflite of the detector, or of a model of the shelf."""
    entry = None if name == DETECTOR else find_entry(name)
    return BUILD / f"{DETECTOR}.tflite" if entry is None else entry.path


def measure(data: Path, limit: int) -> Answer:
    """Let each detector blur what it finds on the test photos, and judge that like any model."""
    say(f"measuring {', '.join((*BLURRERS, DETECTOR))} on {data}: some minutes")
    made = said_by(["detector", "make", "--data", str(data), "--out", str(file_of(DETECTOR)), "--force"])
    blurrers = [word for name in BLURRERS for word in ("--detector", name)]
    sized = ["--with", default_entry().name]  # detectors take any size: beside a model, they get its 128x128 pixels
    found, command = _compared(data, [*sized, *blurrers], ["--privacy"], limit)
    own, own_command = _compared(data, ["--with", str(file_of(DETECTOR)), "--detector", "none"], [], limit)
    rows = [
        *(row for row in found.entries if row.approach != "B"),
        *(row for row in own.entries if row.approach == "A"),
    ]
    return Answer(command, own_command, found.images, made["exact"], made["kept"], _digest(DETECTOR),
                  tuple(replace(row, latency=None, arena_bytes=None) for row in rows))  # fmt: skip


def _compared(data: Path, words: list[str], more: list[str], limit: int) -> tuple[Comparison, str]:
    """A comparison, and the command as the reader can give it."""
    judges = [word for name in JUDGES for word in ("--judge", name)]
    command = ["compare", "--data", str(data), *words, *judges, *more, "--limit", str(limit)]
    places = {str(data): "DATA", str(file_of(DETECTOR)): f"{DETECTOR}.tflite"}
    found = Comparison.from_json(said_by([*command, "--out", str(BUILD), "--force"]))
    return found, " ".join(["edgeblur", *(places.get(word, word) for word in command)])


def _digest(name: str) -> str:
    return sha256(file_of(name).read_bytes())


def _arguments(name: str, board: str, *, frame: bool) -> list[str]:
    return ["run", f"{DETECTOR}.tflite" if name == DETECTOR else name, "--board", board, "--random", "1",
            "--optimize", "speed", *(FRAME if frame else ())]  # fmt: skip


def count(known: Answer, *, again: bool) -> Answer:
    """Instructions of a picture on all boards, and of a frame for what looks at frames; again, or what is not known.

    Written run by run: all of them take an hour.
    """
    runs: list[Run] = []
    for run in counted_runs(known, again=again):
        runs.append(run)
        mine = {(each.name, each.frame, each.ran.board) for each in runs}
        others = [each for each in known.runs if (each.name, each.frame, each.ran.board) not in mine]
        replace(known, runs=(*runs, *others)).write(MEASURED)
    return replace(known, runs=tuple(runs))


def counted_runs(known: Answer, *, again: bool) -> Iterator[Run]:
    """The same, one after the other."""
    digests = {name: known.sha256 if name == DETECTOR else _digest(name) for name in COUNTED}
    counted = {} if again else {(run.name, run.sha256, run.frame, run.ran.board): run for run in known.runs}
    for frame in (False, True):
        for name in FRAMED if frame else COUNTED:
            for board in BOARDS:
                if (run := counted.get((name, digests[name], frame, board))) is not None:
                    yield run
                    continue
                if name == DETECTOR and _digest(name) != known.sha256:
                    raise UserError(f"{file_of(DETECTOR)} is another one than was measured: `make answer DATA=...`")
                say(f"running {name} on {board}")
                arguments = _arguments(name, board, frame=frame)
                said = said_by(["run", str(file_of(name)), *arguments[2:]])
                ran = Ran.from_json({field.name: said[field.name] for field in fields(Ran) if field.name in said})
                yield Run(name, digests[name], frame, ran)


def answered() -> Answer | None:
    """What was measured, if anything was."""
    return Answer.read(MEASURED) if MEASURED.exists() else None


def rows() -> Iterator[Row]:
    """Approach A, then every int8 model of the shelf that was measured on photos, widest first."""
    known = answered()
    for row in known.entries if known else ():
        if row.name.removesuffix(".tflite") == DETECTOR:
            yield Row(f"A: {DETECTOR} int8", row.protection)
        elif row.approach != "B":
            yield Row(row.name.replace("detector:", "A: "), row.protection)
    found = [entry for entry in entries() if entry.path.name == INT8]
    for entry in sorted(found, key=lambda entry: entry.shelved.note.kind != "detector"):
        measures = read_measures(entry)
        if TEST_SET in measures.photos:
            name = f"{approach(entry.name)}: {entry.name}"
            yield Row(name, measures.photos[TEST_SET].entry.protection, measures)


def approach(name: str) -> str:
    """A finds faces and has their boxes veiled, B is a net that was taught to blur."""
    entry = None if name == DETECTOR else find_entry(name)
    return "A" if entry is None or entry.shelved.note.kind == "detector" else "B"


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


def runs_of(name: str, *, frame: bool) -> dict[str, Ran]:
    """What was counted of this very file, by board."""
    known = answered()
    if known is None:
        return {}
    digest = known.sha256 if name == DETECTOR else _digest(name)
    own = (run for run in known.runs if (run.name, run.frame, run.sha256) == (name, frame, digest))
    return {run.ran.board: run.ran for run in own}


def cost_lines(found: list[Row]) -> Iterator[str]:
    """What a picture takes on a board."""
    yield table_line("", "MACs", "RAM", "flash", *(f"instructions, {core}" for core in BOARDS.values()))
    yield table_line("---", *["---:"] * (3 + len(BOARDS)))
    if ran := runs_of(DETECTOR, frame=False):
        yield counted_line(f"A: {DETECTOR} int8", ran)
    for row in found:
        if row.measures:
            shelf = {board: each.ran for board, each in row.measures.boards.items()}
            yield counted_line(row.name, {**shelf, **runs_of(row.name[3:], frame=False)})


def frame_lines() -> Iterator[str]:
    """What a frame takes on a board, with the veil."""
    yield table_line("", "MACs", "RAM", "flash", *(f"instructions, {core}" for core in BOARDS.values()))
    yield table_line("---", *["---:"] * (3 + len(BOARDS)))
    for name in FRAMED:
        if ran := runs_of(name, frame=True):
            yield counted_line(f"{approach(name)}: {name}{' int8' * (name == DETECTOR)} in frames", ran)


def counted_line(name: str, ran: dict[str, Ran]) -> str:
    """RAM and flash are those on a Cortex-M4."""
    first = ran[next(board for board in ("mps2-an386", *ran) if board in ran)]
    millions = (each.instructions if (each := ran.get(board)) else None for board in BOARDS)
    return table_line(
        name, "-" if first.macs is None else f"{first.macs / 1e6:.1f} M", shown_bytes(first.ram_bytes),
        shown_bytes(first.flash_bytes), *("-" if n is None else f"{n / 1e6:,.1f} M" for n in millions),
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
        *("", *protection(found), ""),
        "A picture of 128x128, on emulated cores; RAM and flash of linked firmware on a Cortex-M4:",
        *("", *cost_lines(found), ""),
        f"A frame of 320x240 (`{' '.join(FRAME)}`), the finder's picture and the veil together:",
        *("", *frame_lines()),
    ]
    return "\n".join(lines) + "\n"


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, default=10_000)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--boards", action="store_true", help="count new models on all boards, then the tables")
    only.add_argument("--tables", action="store_true", help="the tables alone")
    only.add_argument("--pictures", action="store_true", help="the pictures alone")
    options = parser.parse_args()
    known = answered()
    if options.data and not (options.pictures or options.boards or options.tables):
        known = replace(measure(options.data, options.limit), runs=known.runs if known else ())
        known.write(MEASURED)
    if known and (options.data or options.boards) and not (options.pictures or options.tables):
        count(known, again=not options.boards).write(MEASURED)
    if not options.pictures:
        write_text(PAGE, renewed(PAGE.read_text()))
    if not (options.tables or options.boards):
        answer_pictures.make(BLURRERS, JUDGES)


if __name__ == "__main__":
    main()
