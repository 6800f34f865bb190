"""What a model needed on a board, and whether it gave the host's bytes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from edgeblur.errors import RunError
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.emulation.elf import Linked
from edgeblur.tables import named_table


@dataclass(frozen=True)
class LayerRun:
    """One layer on a board: its name, op, kernel, multiply-accumulates, instructions or cycles of one picture."""

    name: str
    op: str
    kernel: str
    macs: int
    count: int


@dataclass(frozen=True)
class Comparison:
    """Pictures that went through a board and through its reference on this host.

    Attributes:
        images: how many.
        bytes_compared: of output, all pictures together.
        differing_bytes: of those.
    """

    images: int
    bytes_compared: int
    differing_bytes: int


@dataclass(frozen=True)
class Counts:
    """Executed instructions or cycles, counted by the board's timer.

    Attributes:
        unit: `instructions` or `cycles`.
        frames: of each picture; the transport does not count.
        repeatable: a second run of the first picture took exactly as many.
        layers: of the first picture, layer by layer, by firmware that was built to count them.
        calibration_error: by how much the timer was off for a loop of known length, as a share.
    """

    unit: str
    frames: tuple[int, ...]
    repeatable: bool
    layers: tuple[LayerRun, ...]
    calibration_error: float

    @property
    def median(self) -> int:
        """Of the pictures."""
        return round(statistics.median(self.frames))


@dataclass(frozen=True)
class BoardRun:
    """A model's run on a board.

    Attributes:
        model: its name.
        board: where it ran.
        optimize: `size`, `balanced` or `speed`.
        description: what the pictures were, for people.
        skipped: why pictures were passed over.
        comparison: with the host.
        counts: of instructions.
        linked: the firmware.
        weights_bytes: the model's weights, tables and layer descriptions in flash.
        stack_bytes: used at the deepest moment, by painting.
        macs: multiply-accumulates of a picture.
        compiler, emulator: what they say about themselves.
        veil: how frames lay over the model's input, if they were frames of a camera's size.
        engine: `stream`, or `tflm` for TensorFlow Lite Micro.
        cores: how many made the picture.
        one_core: what one of two takes for the first picture, counted as `counts`; None for one core.
        second_stack_bytes: of the other core, used at the deepest moment.
        meant: layers whose bytes are meant to differ from the host's, half a sentence each.
    """

    model: str
    board: Board
    optimize: str
    description: str
    skipped: tuple[str, ...]
    comparison: Comparison
    counts: Counts
    linked: Linked
    weights_bytes: int
    stack_bytes: int
    macs: int
    compiler: str
    emulator: str
    veil: VeilPlan | None = None
    engine: str = "stream"
    cores: int = 1
    one_core: int | None = None
    second_stack_bytes: int | None = None
    meant: tuple[str, ...] = ()

    @property
    def speedup(self) -> float | None:
        """Of two cores over one."""
        return None if self.one_core is None else self.one_core / self.counts.frames[0]

    def as_json(self) -> dict[str, Any]:
        """For `--json`.

        `ram_bytes` is `.data`, `.bss` and the reserved `.stack` of the linked file, of which `stack_bytes` were used;
        `flash_bytes` is everything that the file stores, `code_bytes` and `weights_bytes` among it. An emulator that
        counts cycles gives `cycles`, `frame_cycles` and `ms` at the board's clock instead of instructions.
        """
        unit = self.counts.unit
        return {
            "model": self.model,
            "board": self.board.name,
            "core": self.board.core.name,
            "optimize": self.optimize,
            "engine": self.engine,
            **(self.veil.facts.as_json() if self.veil else {}),
            **vars(self.comparison),
            unit: self.counts.median,
            f"frame_{unit}": list(self.counts.frames),
            **({"ms": self.ms} if self.ms is not None else {}),
            **self._cores_as_json(),
            "repeatable": self.counts.repeatable,
            "calibration_error": self.counts.calibration_error,
            "macs": self.macs,
            "ram_bytes": self.linked.ram_bytes,
            "stack_bytes": self.stack_bytes,
            "flash_bytes": self.linked.flash_bytes,
            "code_bytes": self.linked.code_bytes,
            "weights_bytes": self.weights_bytes,
            "sections": {section.name: section.size_bytes for section in self.linked.sections},
            "layers": [
                {"name": each.name, "op": each.op, "kernel": each.kernel, "macs": each.macs, unit: each.count}
                for each in self.counts.layers
            ],
            "compiler": self.compiler,
            "emulator": self.emulator,
        }

    def _cores_as_json(self) -> dict[str, Any]:
        if self.one_core is None or self.speedup is None:
            return {}
        told = {"cores": self.cores, f"one_core_{self.counts.unit}": self.one_core, "speedup": round(self.speedup, 3)}
        return told | {"second_stack_bytes": self.second_stack_bytes}

    @property
    def ran(self) -> Ran:
        """What later reports need."""
        instructions = self.counts.median if self.counts.unit == "instructions" else None
        return Ran(
            self.board.name,
            **vars(self.comparison),
            core=self.board.core.name,
            cores=self.cores,
            optimize=self.optimize,
            instructions=instructions,
            cycles=None if instructions is not None else self.counts.median,
            ms=self.ms,
            repeatable=self.counts.repeatable,
            macs=self.macs,
            ram_bytes=self.linked.ram_bytes,
            stack_bytes=self.stack_bytes,
            flash_bytes=self.linked.flash_bytes,
            code_bytes=self.linked.code_bytes,
            weights_bytes=self.weights_bytes,
            compiler=self.compiler,
            emulator=self.emulator,
        )

    @property
    def ms(self) -> float | None:
        """Milliseconds of a picture at the board's clock; None where instructions were counted, not cycles."""
        if self.counts.unit != "cycles" or self.board.clock_hz is None:
            return None
        return round(1e3 * self.counts.median / self.board.clock_hz, 3)

    @property
    def reference(self) -> str:
        """What the board's bytes were compared with, for people."""
        return "the veil's reference" if self.veil else "LiteRT's reference kernels"

    def check(self) -> None:
        """Raise a `RunError` if the board gave other bytes than the host."""
        if self.comparison.differing_bytes:
            ours = self.engine == "stream"
            why = "; ".join(self.meant) or "please report this model"
            raise RunError(
                f"{self.comparison.differing_bytes:,} of {self.comparison.bytes_compared:,} output bytes "
                f"{'' if ours else 'of TensorFlow Lite Micro '}on {self.board.name} differ from {self.reference}"
                f"{f': {why}' if ours else ''}"
            )


def _time(run: BoardRun) -> list[tuple[str, str]]:
    if run.ms is None or run.board.clock_hz is None:
        return []
    return [("time", f"{run.ms:,.1f} ms a picture at {run.board.clock_hz / 1e6:g} MHz, flash without wait states")]


def _cores(run: BoardRun) -> list[tuple[str, str]]:
    if run.one_core is None or run.speedup is None:
        return []
    return [("two cores", f"{run.speedup:.2f} times as fast as one, which takes {run.one_core:,} {run.counts.unit}")]


def _frames(run: BoardRun) -> list[tuple[str, str]]:
    if (veil := run.veil) is None:
        return []
    text = f"{veil.width}x{veil.height} {veil.pixels.name}, {veil.hold}, looked at in {veil.x.net}x{veil.y.net}"
    text += f", in {veil.looks} tiles" if veil.tiles else ""
    return [("frames", text)]


def _rows(run: BoardRun) -> list[tuple[str, str]]:
    counts, linked, comparison = run.counts, run.linked, run.comparison
    same = (
        f"all equal to {run.reference}" if not comparison.differing_bytes else f"{comparison.differing_bytes:,} differ"
    )
    again = "the same again in a second run" if counts.repeatable else "another number in a second run"
    sections = ", ".join(f"{section.name} {section.size_bytes:,}" for section in linked.sections)
    stack = linked.size_bytes(".stack")
    return [
        ("board", f"{run.board.title}: {run.board.core.title}"),
        *_frames(run),
        ("pictures", f"{comparison.images}: {run.description}"),
        ("output bytes", f"{comparison.bytes_compared:,}, {same}"),
        (counts.unit, f"{counts.median:,} a picture (median), {again}"),
        *_time(run),
        *_cores(run),
        ("  counter", f"off by {counts.calibration_error:+.3%} for a loop of known length"),
        ("MACs", f"{run.macs:,} a picture, {counts.median / max(run.macs, 1):.2f} {counts.unit} each"),
        (
            "RAM",
            f"{linked.ram_bytes:,} B: .data, .bss and {stack:,} B of stack, of which {run.stack_bytes:,} were used",
        ),
        ("flash", f"{linked.flash_bytes:,} B: code {linked.code_bytes:,}, weights and tables {run.weights_bytes:,}"),
        ("  sections", sections),
        *([("engine", "TensorFlow Lite Micro")] if run.engine == "tflm" else []),
        ("built with", f"{run.compiler}, for {run.optimize}"),
        ("run in", run.emulator),
    ]


def run_table(run: BoardRun) -> Table:
    """What the model needed, two columns."""
    return named_table(f"{run.model} on {run.board.name}", _rows(run))


def layer_run_table(run: BoardRun) -> Table:
    """One row a layer: op, MACs, instructions or cycles, and their share of the picture's."""
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "op"):
        table.add_column(heading)
    for heading in ("MACs", run.counts.unit, "share"):
        table.add_column(heading, justify="right")
    whole = run.counts.frames[0]
    rest = whole - sum(layer.count for layer in run.counts.layers)
    for layer in run.counts.layers:
        share = f"{layer.count / whole:.1%}"
        table.add_row(Text(layer.name), layer.op, f"{layer.macs:,}", f"{layer.count:,}", share)
    table.add_row("rows in and out, order of steps", "", "", f"{max(rest, 0):,}", f"{max(rest, 0) / whole:.1%}")
    return table
