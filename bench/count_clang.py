"""Instructions by clang beside gcc's, on the emulated cores with assembly of their own: `make clang`. [--page]

What `edgeblur run MODEL --random 1` tells with each compiler, of a net of the shelf and the narrowest of `make bench`.
Writes bench/clang.csv, and the tables of docs/kernels.md between their markers; with --page only those, from the file.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from int8_nets import Int8Net, unet

from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.files import with_part, write_bytes, write_text
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.result import BoardRun
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.models.choose import choose_tflite
from edgeblur.models.shelf import require_entry
from edgeblur.progress import say

PATH = Path(__file__).with_name("clang.csv")
PAGE = Path(__file__).parents[1] / "docs" / "kernels.md"
BEGIN, END = "<!-- clang: begin (made by bench/count_clang.py, not by hand) -->", "<!-- clang: end -->"
BOARDS = ("mps2-an385-m0plus", "mps2-an386", "mps3-an547")


@dataclass(frozen=True)
class Counted:
    """A row of bench/clang.csv: of a random picture, instructions and output bytes unlike LiteRT's by each compiler."""

    board: str
    core: str
    model: str
    optimize: str
    gcc_instructions: int
    clang_instructions: int
    bytes_compared: int
    gcc_differing_bytes: int
    clang_differing_bytes: int
    gcc: str
    clang: str
    emulator: str


def _run(model: Path, board: str, optimize: str, compiler: str) -> BoardRun:
    options = EmulatedOptions(random=1, stream=StreamOptions(optimize), compiler=compiler)
    return run_emulated(choose_tflite(model), find_board(board), options)


def count(model: Path, board: str, optimize: str) -> Counted:
    """Both compilers' firmware, run."""
    gcc, clang = (_run(model, board, optimize, compiler) for compiler in ("gcc", "clang"))
    return Counted(
        board=board,
        core=gcc.board.core.name,
        model=model.stem,
        optimize=optimize,
        gcc_instructions=gcc.counts.median,
        clang_instructions=clang.counts.median,
        bytes_compared=gcc.comparison.bytes_compared,
        gcc_differing_bytes=gcc.comparison.differing_bytes,
        clang_differing_bytes=clang.comparison.differing_bytes,
        gcc=gcc.compiler,
        clang=clang.compiler,
        emulator=gcc.emulator,
    )


def _models(folder: Path) -> Iterator[Path]:
    mask4, unet4 = folder / "mask4.tflite", folder / "unet4.tflite"
    write_bytes(mask4, require_entry("mask4").path.read_bytes())
    yield mask4
    net = Int8Net()
    write_bytes(unet4, net.tflite(unet(net, 4)))
    yield unet4


def recount() -> None:
    """Count all, and write bench/clang.csv."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        for model in _models(Path(name)):
            for board in BOARDS:
                for optimize in OPTIMIZE:
                    rows.append(row := count(model, board, optimize))
                    told = f"{row.gcc_instructions:,} by gcc, {row.clang_instructions:,} by clang"
                    say(f"{row.model}, {board}, {optimize}: {told}")
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Counted)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    write_text(PATH, text.getvalue())


def read() -> list[dict[str, str]]:
    """The rows of bench/clang.csv."""
    return list(csv.DictReader(PATH.read_text().splitlines()))


def tables() -> str:
    """The part of the page between its markers, from bench/clang.csv."""
    rows = read()
    lines = [""]
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        lines += [f"{_heading(model, own)}:", "", "| board | core | aim | gcc | clang | clang / gcc |"]
        lines += ["|---|---|---|---:|---:|---:|", *map(_line, own), ""]
    versions = dict.fromkeys(f"`{row[compiler]}`" for compiler in ("gcc", "clang") for row in rows)
    return "\n".join([*lines, f"The compilers: {', '.join(versions)}."]) + "\n"


def _heading(model: str, rows: list[dict[str, str]]) -> str:
    differing = sum(int(row["gcc_differing_bytes"]) + int(row["clang_differing_bytes"]) for row in rows)
    compared = int(rows[0]["bytes_compared"])
    return f"`{model}`, {compared:,} output bytes a run, {differing or 'none'} different from LiteRT's"


def _line(row: dict[str, str]) -> str:
    gcc, clang = int(row["gcc_instructions"]), int(row["clang_instructions"])
    return f"| `{row['board']}` | {row['core']} | {row['optimize']} | {gcc:,} | {clang:,} | {clang / gcc:.2f} |"


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="count nothing, write the tables of the page anew")
    if not parser.parse_args().page:
        recount()
    write_text(PAGE, renewed(PAGE.read_text()))
