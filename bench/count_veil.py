"""Instructions of the veil on all emulated cores, and their prices: `make veil`. count_veil.py [--recount|--force]

A small finder looks at frames of several sizes and formats; what a frame takes beyond the finder alone is the veil's.
What it takes more the more outputs a detector has is the boxes'. Writes bench/veil.csv, and export/veil/costs.json,
whose prices are fitted to it, none negative, by least squares of relative errors. Without --recount the prices are
fitted anew to bench/veil.csv; with --board, only that board is counted.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from fit_costs import Count, fitted, predicted
from int8_nets import Int8Net

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.veil.compile import FrameOptions, compile_frames, plan_frames
from edgeblur.export.veil.cost import COSTS, veil_work, veiled_work
from edgeblur.export.veil.reference import Blurrer, alpha
from edgeblur.files import write_json, write_text
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.boards.boards import Board, find_board, options_for
from edgeblur.firmware_harness.emulation.build import build, compiler_version, write_project
from edgeblur.firmware_harness.emulation.emulator import emulate, emulator_of, emulator_version
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.firmware_harness.shell.room import with_stack
from edgeblur.progress import say

PATH = Path(__file__).with_name("veil.csv")
BOARDS = ("mps2-an385-m0plus", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547", "riscv32-virt")
NOTHING, ALL = (0.98, 1.0), (0.0, 0.004)
"""Clamps with which none and nearly all of a frame is veiled."""
KEY = ("frame", "pixels", "hold", "clamp", "heads")
"""Columns that name a kind of frame."""


@dataclass(frozen=True)
class Frames:
    """A kind of frame, and whether the prices are fitted to it.

    Attributes:
        options: of the frame.
        held_out: the prices are tried on it.
        heads: `STRIDE:ANCHORS:VALUES` of a detector's grids, with spaces between them; none of a mask.
    """

    options: FrameOptions
    held_out: bool = False
    heads: str = ""


def _frames(width: int, height: int, pixels: str, hold: str, clamp: tuple[float, float]) -> FrameOptions:
    return FrameOptions(width, height, pixels, hold, clamp=clamp, margin=0, share=0, memory=0)


KINDS = (
    Frames(_frames(160, 120, "gray8", "buffer", NOTHING)),
    Frames(_frames(320, 240, "rgb565le", "buffer", NOTHING)),
    Frames(_frames(480, 360, "rgb888", "buffer", NOTHING)),
    Frames(_frames(320, 240, "yuyv", "buffer", NOTHING)),
    Frames(_frames(320, 240, "rgb888", "buffer", NOTHING)),
    Frames(_frames(640, 480, "gray8", "buffer", NOTHING)),
    Frames(_frames(160, 120, "rgb565le", "buffer", NOTHING)),
    Frames(_frames(640, 480, "uyvy", "buffer", NOTHING)),
    Frames(_frames(324, 244, "gray8", "buffer", NOTHING)),
    Frames(_frames(400, 296, "rgb565le", "buffer", NOTHING)),
    Frames(_frames(639, 359, "rgb888", "buffer", NOTHING)),
    Frames(_frames(320, 240, "rgb565be", "buffer", NOTHING)),
    Frames(_frames(240, 240, "rgb565le", "buffer", NOTHING)),
    Frames(_frames(200, 150, "bgr888", "buffer", NOTHING)),
    Frames(_frames(240, 240, "rgb565be", "buffer", NOTHING), held_out=True),
    Frames(_frames(320, 240, "rgb565le", "buffer", ALL)),
    Frames(_frames(320, 240, "rgb888", "buffer", ALL)),
    Frames(_frames(320, 240, "yuyv", "buffer", ALL)),
    Frames(_frames(640, 480, "rgb565be", "live", NOTHING), held_out=True),
    Frames(_frames(300, 224, "bgr888", "live", ALL), held_out=True),
    *(
        Frames(_frames(320, 240, "rgb565le", "buffer", NOTHING), heads=heads)
        for heads in ("8:1:4", "8:2:16 16:6:16", "8:4:4", "16:3:10", "8:1:30 16:2:30")
    ),
    Frames(_frames(320, 240, "rgb565le", "buffer", NOTHING), held_out=True, heads="8:2:6 16:3:6"),
)


@dataclass(frozen=True)
class Counted:
    """A row of bench/veil.csv: instructions of a frame beyond the finder's, and how many units of it were veiled."""

    core: str
    optimize: str
    frame: str
    pixels: str
    hold: str
    clamp: str
    heads: str
    held_out: int
    veiled_units: int
    finder: int
    instructions: int
    compiler: str
    emulator: str


def _finder() -> Graph:
    net = Int8Net(seed=3)
    x = net.conv(net.picture(128, 128), 4, stride=(4, 4), gain=2)
    return net.graph(net.logistic(net.conv(x, 1, (1, 1), activation="NONE", scale=0.02, gain=0.5)))


def _detector(heads: str) -> Graph:
    net = Int8Net(seed=3)
    x = net.conv(net.picture(128, 128), 4, stride=(8, 8), gain=2)
    outputs: list[int] = []
    for head in heads.split():
        stride, anchors, values = map(int, head.split(":"))
        y = net.conv(x, 4, stride=(stride // 8, stride // 8), gain=2)
        for channels, scale in ((anchors, 0.02), (anchors * values, 0.5)):
            outputs.append(net.conv(y, channels, (1, 1), activation="NONE", scale=scale, zero_point=0))
    return net.graph(*outputs)


def finder_graph(heads: str) -> Graph:
    """A small mask finder, or a detector with these heads."""
    return _detector(heads) if heads else _finder()


def _run(board: Board, compiled: Any, optimize: str, given: list[bytes], size: int, frames: Any = None) -> int:
    """Instructions of the last picture."""
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as place:
        project = write_project(Path(place), compiled, with_stack(board, compiled), optimize, frames=frames)
        _, report = emulate(board, build(project), given, output_bytes=size, limit_s=600)
    return round(report.frame_ticks[-1] * (emulator_of(board).instructions_per_tick or 1.0))


def _key(kind: Frames) -> tuple[str, ...]:
    options = kind.options
    clamp = "{:g}:{:g}".format(*options.clamp or ())
    return f"{options.width}x{options.height}", options.pixels, options.hold, clamp, kind.heads


def _count(board: Board, optimize: str, known: set[tuple[str, ...]]) -> Iterator[Counted]:
    stream = options_for(board, StreamOptions(optimize))
    tools = compiler_version(board.core.toolchain), emulator_version(emulator_of(board))
    random, finders = np.random.default_rng(1), dict[bytes, int]()
    for kind in KINDS:
        options, graph = kind.options, finder_graph(kind.heads)
        if (board.core.name, optimize, *_key(kind)) in known:
            continue
        frames = compile_frames(graph, options, Provenance("finder", NAME, graph), stream)
        plan, data = frames.plan, frames.finder.data
        if data not in finders:
            alone = compile_stream(frames.finder.graph, Provenance("finder", NAME, graph), stream, checked=True)
            picture = random.integers(0, 256, plan.y.net * plan.x.net * 3, np.uint8).tobytes()
            ends = [alone.net.nodes[n].plane for n in alone.net.outputs]
            size = sum(end.height * end.row_bytes for end in ends)
            finders[data] = _run(board, alone, optimize, [picture], size)
        frame = random.integers(0, 256, (plan.height, plan.row_bytes), np.uint8)
        blurrer = Blurrer(plan, run_finder(frames.finder, plan, "litert-ref"))
        blurrer.blur(frame)
        assert blurrer.held is not None
        veiled = int((alpha(blurrer.held, plan) > 0).sum())
        whole = _run(board, frames.compiled, optimize, [frame.tobytes()] * 2, frame.size, frames.files)
        own = finders[data]
        yield Counted(board.core.name, optimize, *_key(kind), int(kind.held_out), veiled, own, whole - own, *tools)


def recount(boards: Sequence[str], *, force: bool) -> None:
    """Count on boards what bench/veil.csv does not have, or all anew, and write it."""
    rows = [] if force or not PATH.exists() else list(csv.DictReader(PATH.read_text().splitlines()))
    names = ("core", "optimize", *KEY)
    known = {tuple(row[name] for name in names) for row in rows}
    for name in boards:
        for optimize in OPTIMIZE:
            say(f"{name}, {optimize}")
            rows += [{k: str(v) for k, v in asdict(row).items()} for row in _count(find_board(name), optimize, known)]
            write_text(PATH, _csv(rows))


def _csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(Counted)], lineterminator="\n")
    table.writeheader()
    table.writerows(sorted(rows, key=lambda row: (row["core"], row["optimize"])))
    return text.getvalue()


def _work(row: dict[str, str]) -> dict[str, float]:
    kind = next(kind for kind in KINDS if _key(kind) == tuple(row[name] for name in KEY))
    plan = plan_frames(finder_graph(kind.heads), kind.options)[1]
    return {**veil_work(plan), **veiled_work(plan, int(row["veiled_units"]))}


def fit() -> None:
    """Fit prices to bench/veil.csv, and write export/veil/costs.json."""
    rows = list(csv.DictReader(PATH.read_text().splitlines()))
    cores: dict[str, Any] = {}
    for core in dict.fromkeys(row["core"] for row in rows):
        for optimize in OPTIMIZE:
            own = [(row, _work(row)) for row in rows if (row["core"], row["optimize"]) == (core, optimize)]
            prices, off = _fitted(own)
            cores.setdefault(core, {})[optimize] = {"compiler": own[0][0]["compiler"], "units": prices, "held_out": off}
            say(f"{core}, {optimize}: {prices}, {off}")
    write_json(COSTS, cores)


def _fitted(rows: list[tuple[dict[str, str], dict[str, float]]]) -> tuple[dict[str, float], dict[str, float]]:
    """Prices by unit, and the relative misses of frames that took no part."""
    counts = [Count(work, float(row["instructions"])) for row, work in rows]
    taken = [row["held_out"] == "0" for row, _ in rows]
    prices = fitted([count for (row, _), count in zip(rows, counts, strict=True) if _takes_part(row, boxes=False)])
    boxes = [(row, work) for row, work in rows if _takes_part(row, boxes=True)]
    prices |= _boxes_prices([Count(work, float(row["instructions"])) for row, work in boxes]) if boxes else {}
    missed = [predicted(prices, [count]) / count.instructions - 1 for count in counts]
    say(f"  worst fitted frame {max((m for m, part in zip(missed, taken, strict=True) if part), key=abs):+.1%}")
    off = {
        " ".join(filter(None, (row["frame"], row["pixels"], row["clamp"], row["heads"]))): round(miss, 4)
        for (row, _), miss, part in zip(rows, missed, taken, strict=True)
        if not part
    }
    return prices, off


def _takes_part(row: dict[str, str], *, boxes: bool) -> bool:
    return row["held_out"] == "0" and bool(row["heads"]) == boxes


def _boxes_prices(counts: list[Count]) -> dict[str, float]:
    """What outputs take, by what one frame takes around several detectors; what they have in common is the veil's."""
    units = ("output_rows", "output_bytes", "anchors")
    own = [Count({"veil": 1.0, **{unit: c.work[unit] for unit in units}}, c.instructions) for c in counts]
    return {unit: price for unit, price in fitted(own).items() if unit in units}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recount", action="store_true", help="count what bench/veil.csv does not have")
    parser.add_argument("--force", action="store_true", help="count all anew")
    parser.add_argument("--board", action="append", choices=BOARDS, help="count on this one alone; repeatable")
    options = parser.parse_args()
    if options.recount or options.force:
        recount(options.board or BOARDS, force=options.force)
    fit()


if __name__ == "__main__":
    main()
