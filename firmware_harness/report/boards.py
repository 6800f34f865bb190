"""The boards of a report: which int8 model fits which, and how long a picture takes there, as far as that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeblur.export.tflm.arena import Arena
from edgeblur.files import sha256
from edgeblur.firmware_harness.boards.boards import Board, boards
from edgeblur.firmware_harness.boards.listing import clock
from edgeblur.firmware_harness.boards.records import Kept, records
from edgeblur.firmware_harness.comparison.table import Entry
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import EngineFit, Fit, fit
from edgeblur.firmware_harness.fit.needs import Candidate
from edgeblur.models.choose import Chosen
from edgeblur.store.run_folder import Run, RunModel

CYCLES = (1.0, 2.0)
"""Of an instruction, minimum and maximum, on cores that begin at most one in each cycle."""

_CYCLES_OF = {"cortex-m7": (0.5, 1.5)}  # begins up to two
MODEL_OF_TIME = (
    "instructions counted in emulation on the same core, times 1 to 2 cycles each (Cortex-M7, which can begin two at "
    "once: 0.5 to 1.5), at the board's clock, without wait states of flash or external RAM"
)
"""How milliseconds are estimated, for people."""


@dataclass(frozen=True, eq=False)
class BoardRow:
    """A model on a board.

    Attributes:
        fit: RAM, flash and verdicts.
        instructions: of a picture; None if the model did not run on this core.
        counted_on: the emulated board where they were counted.
        measured_ms: at a real board.
    """

    fit: Fit
    instructions: int | None
    counted_on: str | None
    measured_ms: float | None

    @property
    def board(self) -> Board:
        """Where."""
        return self.fit.board

    @property
    def estimated_ms(self) -> tuple[float, float] | None:
        """Minimum and maximum milliseconds of a picture; time means nothing on boards that are emulated alone."""
        if self.instructions is None or self.board.clock_hz is None or self.board.emulator:
            return None
        minimum, maximum = _CYCLES_OF.get(self.board.core.name, CYCLES)
        ms = 1e3 * self.instructions / self.board.clock_hz
        return minimum * ms, maximum * ms

    @property
    def cells(self) -> tuple[str, ...]:
        """For tables, as `HEADINGS` names them; `-` is unknown, or does not apply."""
        board, estimated = self.board, self.estimated_ms
        return (
            board.name,
            board.core.name,
            clock(board),
            _taken(self.fit.stream, "RAM"),
            _taken(self.fit.stream, "flash"),
            _told(self.fit.stream),
            _told(self.fit.tflm),
            "-" if self.instructions is None else f"{self.instructions:,}",
            f"{_ms(estimated[0])} to {_ms(estimated[1])}" if estimated else "-",
            "-" if self.measured_ms is None else f"{self.measured_ms:,.1f}",
        )


HEADINGS = (
    "board", "core", "clock", "RAM, B", "flash, B", "streaming", "TFLM", "instructions",
    "estimated, ms", "measured, ms",
)  # fmt: skip


def _ms(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _taken(engine: EngineFit | None, kind: str) -> str:
    memory = engine.memory(kind) if engine else None
    return f"{memory.size_bytes:,} of {memory.region.size_bytes:,}" if memory else "-"


def _told(engine: EngineFit | None) -> str:
    if engine is None:
        return "-"
    missing = [f"{memory.missing_bytes:,} B {memory.kind}" for memory in engine.memories if memory.missing_bytes]
    return f"no: {' and '.join(missing)} missing" if missing else engine.verdict


@dataclass(frozen=True, eq=False)
class ModelBoards:
    """An int8 model on all real boards, and on the emulated ones where it ran."""

    candidate: Candidate
    rows: tuple[BoardRow, ...]


def model_boards(run: Run, models: Sequence[RunModel], entries: Sequence[Entry]) -> list[ModelBoards]:
    """The int8 models of a run on boards.

    Args:
        run: with boards.json, if models ran on boards.
        models: finished ones.
        entries: the rows of compare.json, where arenas are.
    """
    arenas = {e.name: e.arena_bytes for e in entries if e.precision == "int8" and e.arena_bytes is not None}
    kept = records(run.folder)
    found = []
    for model in models:
        if model.int8_tflite.exists():
            arena = Arena(arenas.get(model.name), None if model.name in arenas else "it was not recorded")
            candidate = examine(Chosen(model.int8_tflite, run, model), arena=arena)
            digest = sha256(model.int8_tflite.read_bytes())
            found.append(_on_boards(candidate, [each for each in kept if each.sha256 == digest]))
    return found


def _on_boards(candidate: Candidate, kept: Sequence[Kept]) -> ModelBoards:
    ran = {each.ran.board for each in kept}
    shown = [board for board in boards() if not board.emulator or board.name in ran]
    return ModelBoards(candidate, tuple(_row(fit(candidate, board), kept) for board in shown))


def _row(found: Fit, kept: Sequence[Kept]) -> BoardRow:
    """The fewest instructions on the board's core, and the last measurement on the board itself."""
    board, runs = found.board, [each.ran for each in kept]
    counts = [(run.instructions, run.board) for run in runs if run.instructions and run.core == board.core.name]
    instructions, where = min(counts, default=(None, None))
    measured = [run.measured_ms for run in runs if run.board == board.name and run.measured_ms is not None]
    return BoardRow(found, instructions, where, measured[-1] if measured else None)
