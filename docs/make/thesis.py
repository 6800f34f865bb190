"""The tables of docs/thesis.md: the nets that came with the thesis, measured like our own. `make thesis` runs it.

    thesis.py CHECKOUT DATA   measures the int8 nets in a checkout of the thesis's repository, then writes the tables
    thesis.py                 writes the tables anew from what was measured

Writes docs/thesis.json and the part of docs/thesis.md between its two markers. The nets are not part of edgeblur: their
repository states no licence.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from answer import JUDGES, Row, protection, shown_bytes, table_line

from edgeblur.errors import UserError
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import sha256, with_part, write_text
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.comparison.table import Comparison, Entry
from edgeblur.models.measure import ran_by, said_by
from edgeblur.progress import say
from edgeblur.records import Record

DOCS = Path(__file__).parents[1]
PAGE, MEASURED = DOCS / "thesis.md", DOCS / "thesis.json"
BEGIN = "<!-- tables: begin (made by `make thesis`, not by hand) -->"
END = "<!-- tables: end -->"
BOARDS = ("mps2-an386", "mps3-an547")
OURS = ("unet8", "mask8", "live")


@dataclass(frozen=True)
class Published:
    """A net of the thesis: where it lies in its repository, and what its README says of it on an STM32N6570-DK."""

    name: str
    path: str
    sha256: str
    ram_bytes: int
    milliseconds: float


NETS = (
    Published("teacher", "models_teacher/teacher_int8.tflite",
              "df5d7a16a8074f2e270e3c70f2b59ebdcaf15a9e3476414797d28a6945830b8c", 2_150_600, 351.007),
    Published("studentv2", "models_student/studentv2_int8.tflite",
              "64563b6ad13052051b6fe98dd651ca3e88a244f6f4816671d8da16f157750885", 1_614_232, 127.981),
    Published("studentv1", "models_student/studentv1_int8.tflite",
              "b9bd4a0afaebf25eb01e34200e930a7099e60fc63e3e5dc0e02fdf57d8439be5", 1_065_096, 12.786),
)  # fmt: skip


@dataclass(frozen=True)
class Measured(Record):
    """A net on the emulated boards."""

    name: str
    parameters: int
    macs: int
    size_bytes: int
    boards: tuple[Ran, ...]


@dataclass(frozen=True)
class Thesis(Record):
    """docs/thesis.json: by which command, on how many photos, and what came of it."""

    command: str
    images: int
    nets: tuple[Measured, ...]
    entries: tuple[Entry, ...]


def measure(checkout: Path, data: Path) -> Thesis:
    """Run each net on the emulated boards, and judge all of them on the data set's test photos."""
    files = [_checked(checkout, net) for net in NETS]
    nets = tuple(_measured(net.name, path) for net, path in zip(NETS, files, strict=True))
    named = [word for path in (*files, *OURS) for word in ("--with", str(path))]
    judges = [word for judge in JUDGES for word in ("--judge", judge)]
    command = ["compare", "--data", str(data), *named, "--detector", "none", *judges, "--privacy", "--limit", "10000"]
    say(f"judging {len(NETS)} nets on {data}: some minutes")
    found = Comparison.from_json(said_by([*command, "--out", "build/thesis", "--force"]))
    shown = {str(data): "DATA", **{str(path): path.name for path in files}}
    told = " ".join(["edgeblur", *(shown.get(word, word) for word in command)])
    return Thesis(told, found.images, nets, found.entries)


def _checked(checkout: Path, net: Published) -> Path:
    path = checkout / net.path
    if not path.is_file():
        raise UserError(f"{path} is not there: give a checkout of the thesis's repository (docs/thesis.md)")
    if sha256(path.read_bytes()) != net.sha256:
        raise UserError(f"{path} is not the file that was measured: check out the commit that docs/thesis.md names")
    return path


def _measured(name: str, path: Path) -> Measured:
    graph = read_tflite(path)
    counts = cost(graph)
    say(f"{name}: emulated on {' and '.join(BOARDS)}")
    ran = tuple(
        ran_by(["run", str(path), "--board", board, "--random", "1", "--optimize", "speed", "--flash", "4000000"])
        for board in BOARDS
    )
    return Measured(name, counts.parameters, counts.macs or 0, path.stat().st_size, ran)


def tables() -> str:
    """The part of the page between its markers."""
    thesis = Thesis.read(MEASURED)
    return "\n".join([*_needs(thesis), "", *_protects(thesis)]) + "\n"


def _needs(thesis: Thesis) -> Iterator[str]:
    yield table_line("", "parameters", "MACs", "RAM, as published", "RAM, streamed", "flash",
                     "instructions, Cortex-M4", "Cortex-M55", "differing bytes")  # fmt: skip
    yield table_line("---", *["---:"] * 8)
    stated = {net.name: net for net in NETS}
    for net in thesis.nets:
        first = net.boards[0]
        yield table_line(
            net.name, f"{net.parameters:,}", f"{net.macs / 1e6:,.1f} M", shown_bytes(stated[net.name].ram_bytes),
            shown_bytes(first.ram_bytes), shown_bytes(first.flash_bytes),
            *(f"{(ran.instructions or 0) / 1e6:,.1f} M" for ran in net.boards),
            f"{sum(ran.differing_bytes for ran in net.boards)} of {sum(ran.bytes_compared for ran in net.boards):,}",
        )  # fmt: skip


def _protects(thesis: Thesis) -> Iterator[str]:
    yield from protection([Row(_shown_name(entry.name), entry.protection) for entry in thesis.entries])


def _shown_name(name: str) -> str:
    published = next((net for net in NETS if name == Path(net.path).name), None)
    return f"thesis: {published.name}" if published else f"`{name}`" if name in OURS else name


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, nargs="?")
    parser.add_argument("data", type=Path, nargs="?")
    options = parser.parse_args()
    if options.checkout and options.data is None:
        parser.error("CHECKOUT needs DATA, a data set whose test photos are looked at")
    if options.checkout:
        measure(options.checkout, options.data).write(MEASURED)
    write_text(PAGE, renewed(PAGE.read_text()))


if __name__ == "__main__":
    main()
