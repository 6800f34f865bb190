"""A model on a board at a serial port: pictures there and back, each byte compared, and what it took."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import ImageModel, image_model
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.files import refuse_place
from edgeblur.firmware_harness.boards.boards import boards
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.emulation.result import Comparison
from edgeblur.firmware_harness.engines.inputs import frame_inputs, pick_inputs
from edgeblur.firmware_harness.serial.benches import FrameBench, open_bench
from edgeblur.firmware_harness.serial.board import open_board
from edgeblur.firmware_harness.serial.frames import BoardInfo, Times
from edgeblur.firmware_harness.serial.link import LinkCounts, LinkOptions
from edgeblur.models.choose import Chosen
from edgeblur.models.read import read_inside
from edgeblur.pictures.images import save_picture
from edgeblur.tables import named_table


@dataclass(frozen=True)
class SerialOptions:
    """How to run a model on a board at a serial port.

    Attributes:
        link: the line.
        board: what the board must call itself; None for any.
        photos: a folder of photos, resized to the model's input.
        random: so many seeded random pictures.
        limit: at most so many pictures.
        frames: what the firmware must veil; None takes what it says.
    """

    link: LinkOptions
    board: str | None = None
    photos: Path | None = None
    random: int | None = None
    limit: int | None = None
    frames: FrameOptions | None = None


@dataclass(frozen=True)
class SerialRun:
    """A model's run on a board at a serial port.

    Attributes:
        model: its name.
        port: where the board was.
        info: what the board reported about itself.
        description: what the pictures were, for people.
        skipped: why pictures were passed over.
        comparison: with the host; the picture that the board made itself is not among it.
        times: of each picture.
        own: of the picture that the board made itself, without the line.
        own_equal: its rows have the host's CRC-32.
        macs: multiply-accumulates of a picture; None if not known.
        line: what went wrong on the line and was mended.
        restarted: pictures begun anew because the board had been reset.
        veil: how frames lay over the model's input, if the firmware veils frames of a camera's size.
    """

    model: str
    port: str
    info: BoardInfo
    description: str
    skipped: tuple[str, ...]
    comparison: Comparison
    times: tuple[Times, ...]
    own: Times
    own_equal: bool
    macs: int | None
    line: LinkCounts
    restarted: int
    veil: VeilPlan | None = None

    @property
    def frame_ms(self) -> tuple[float, ...]:
        """Milliseconds of the engine for each picture; empty if the board cannot tell."""
        return tuple(times.ms for times in self.times if times.ms is not None)

    @property
    def may_be_emulated(self) -> bool:
        """A board of this kind runs in an emulator too, whose milliseconds say nothing about the chip."""
        return any(board.name == self.info.board and board.emulator for board in boards())

    @property
    def stack_bytes(self) -> int | None:
        """Used at the deepest moment, if the board can tell."""
        return self.own.stack_bytes

    @property
    def ran(self) -> Ran:
        """What later reports need."""
        return Ran(
            self.info.board,
            **vars(self.comparison),
            macs=self.macs,
            ram_bytes=self.info.ram_bytes,
            stack_bytes=self.stack_bytes,
            engine=self.info.engine,
            firmware=self.info.version,
            measured_ms=statistics.median(self.frame_ms) if self.frame_ms else None,
            own_picture_ms=self.own.ms,
            own_picture_equal=self.own_equal,
            may_be_emulated=self.may_be_emulated,
            tick_hz=self.info.tick_hz,
        )

    def as_json(self) -> dict[str, Any]:
        """For `--json`; what is unknown is absent.

        `measured_ms` is the median over the pictures of what the engine alone took, by the board's own counter;
        `ram_bytes` is what the engine needs without stack. `may_be_emulated`: see there.
        """
        data = {
            "model": self.model,
            "board": self.info.board,
            "port": self.port,
            "engine": self.info.engine,
            "firmware": self.info.version,
            "sha256": self.info.sha256,
            **(self.veil.facts.as_json() if self.veil else {}),
            **vars(self.comparison),
            "measured_ms": statistics.median(self.frame_ms) if self.frame_ms else None,
            "frame_ms": list(self.frame_ms) or None,
            "own_picture_ms": self.own.ms,
            "own_picture_equal": self.own_equal,
            "may_be_emulated": self.may_be_emulated or None,
            "tick_hz": self.info.tick_hz,
            "macs": self.macs,
            "ram_bytes": self.info.ram_bytes,
            "stack_bytes": self.stack_bytes,
            "line": {**asdict(self.line), "restarted": self.restarted},
        }
        return {key: value for key, value in data.items() if value is not None}

    def check(self) -> None:
        """Raise a `RunError` if the board gave other bytes than the host."""
        comparison, where = self.comparison, f"on {self.info.board} at {self.port}"
        if comparison.differing_bytes:
            raise RunError(
                f"{comparison.differing_bytes:,} of {comparison.bytes_compared:,} output bytes {where} differ from "
                f"{_reference(self.veil)}: please report this model and board"
            )
        if not self.own_equal:
            raise RunError(
                f"the picture made {where} came out other than by {_reference(self.veil)}: please report this model "
                "and board"
            )


def _reference(veil: VeilPlan | None) -> str:
    return "LiteRT's reference kernels" if veil is None else "the veil's reference"


def _check_model(chosen: Chosen, model: ImageModel, info: BoardInfo, options: SerialOptions) -> None:
    """Refuse a board that runs something else.

    Raises:
        UserError: another model, or another board than was asked for.
    """
    port = options.link.port
    if options.board is not None and options.board != info.board:
        raise UserError(
            f"{port} is {info.board}, not {options.board}: give the port of that board", options=("port", "board")
        )
    if info.sha256 != model.graph.sha256:
        raise UserError(
            f"{info.board} at {port} runs another model: {info.model} (SHA-256 {info.sha256[:12]}...), not "
            f"{chosen.path} ({model.graph.sha256[:12]}...): flash firmware of this one, or give the one that it has"
        )


def _sum(comparisons: Iterable[Comparison]) -> Comparison:
    columns = [(each.images, each.bytes_compared, each.differing_bytes) for each in comparisons]
    return Comparison(*(sum(column) for column in zip(*columns, strict=True)))


def run_serial(chosen: Chosen, options: SerialOptions) -> SerialRun:
    """Send pictures to a board and compare each byte that comes back with LiteRT's reference kernels.

    Args:
        chosen: the int8 model that the board's firmware was made of.
        options: the line, the pictures.

    Raises:
        UserError: no such port, a board with another model, no pictures.
        RunError: the board does not answer, or fails.
    """
    model = image_model(read_inside(chosen.path).graph)
    with open_board(options.link) as board:
        info = board.info()
        _check_model(chosen, model, info, options)
        bench = open_bench(board, info, chosen, model, options.frames)
        plan = bench.plan if isinstance(bench, FrameBench) else None
        if plan is not None:
            inputs = frame_inputs((plan.width, plan.height), options.photos, options.random, options.limit)
        else:
            inputs = pick_inputs(model, options.photos, options.random, options.limit)
        runs = bench.run_all(inputs)
        own_equal, own = bench.run_own()
    return SerialRun(
        model=chosen.name,
        port=options.link.port,
        info=info,
        description=inputs.description,
        skipped=tuple(inputs.skipped),
        comparison=_sum(comparison for comparison, _ in runs),
        times=tuple(times for _, times in runs),
        own=own,
        own_equal=own_equal,
        macs=cost(model.graph).macs,
        line=board.link.counts,
        restarted=board.restarted,
        veil=plan,
    )


def camera_picture(chosen: Chosen, options: SerialOptions, picture: Path) -> Times:
    """Save what a board makes of a picture of its own camera; there is nothing to compare it with.

    Args:
        chosen: the int8 model that the board's firmware was made of.
        options: the line.
        picture: the file to write, its format by its suffix.

    Raises:
        UserError: no such port, a board with another model, a file that is there already or no picture's suffix.
        RunError: the board does not answer, or has no camera.
    """
    refuse_place(picture)
    model = image_model(read_inside(chosen.path).graph)
    with open_board(options.link) as board:
        info = board.info()
        _check_model(chosen, model, info, options)
        bench = open_bench(board, info, chosen, model, options.frames)
        pixels, times = bench.camera()
    save_picture(picture, pixels if pixels.shape[-1] == 3 else pixels[..., 0])
    return times


def _rows(run: SerialRun) -> list[tuple[str, str]]:
    comparison, info, line = run.comparison, run.info, run.line
    same = (
        f"all equal to {_reference(run.veil)}"
        if not comparison.differing_bytes
        else f"{comparison.differing_bytes:,} differ"
    )
    if run.frame_ms:
        doubt = " (if this is an emulator, its host's time)" if run.may_be_emulated else ""
        measured = f"{statistics.median(run.frame_ms):,.2f} ms a picture (median), by the board's counter{doubt}"
        spread = f"{min(run.frame_ms):,.2f} to {max(run.frame_ms):,.2f} ms; a picture of its own {run.own.ms:,.2f} ms"
    else:
        measured, spread = f"{run.own.ticks:,} ticks a picture; the board does not know how long one is", ""
    mended = (
        f"{line.repeated} requests sent again, {line.damaged} damaged frames, {line.reopened} times opened again, "
        f"{run.restarted} pictures begun anew"
    )
    used = [(info.ram_bytes, "of the engine"), (run.stack_bytes, "of stack used")]
    rows = [
        ("board", f"{info.board} at {run.port}, engine {info.engine}, firmware of edgeblur {info.version}"),
        ("pictures", f"{comparison.images}: {run.description}"),
        *([("frames", run.info.frames)] if run.veil else []),
        ("output bytes", f"{comparison.bytes_compared:,}, {same}"),
        ("measured", measured),
        ("  spread", spread),
        ("RAM", " and ".join(f"{size:,} B {what}" for size, what in used if size is not None)),
        ("line", mended),
    ]
    return [row for row in rows if row[1]]


def serial_table(run: SerialRun) -> Table:
    """What the board did, two columns."""
    return named_table(f"{run.model} on {run.info.board}", _rows(run))
