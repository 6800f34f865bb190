"""Whether a model fits a board: what it takes beside what there is, without compiling or running anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.costs.prices import FrameCost
from edgeblur.firmware_harness.boards.boards import Board, Region
from edgeblur.firmware_harness.fit.figures import EngineFigures, FitFigures
from edgeblur.firmware_harness.fit.needs import Candidate, Part, Parts, stream_parts, tflm_parts

TIGHT_SHARE = 0.1
"""A model that leaves less than this share of the RAM or of the flash is `tight`."""

FITS, TIGHT, NO = VERDICTS = ("fits", "tight", "no")


@dataclass(frozen=True)
class Memory:
    """What firmware takes of one memory of a board.

    Attributes:
        kind: `RAM` or `flash`.
        region: the part of the board's memory that it must fit.
        parts: what it consists of.
    """

    kind: str
    region: Region
    parts: tuple[Part, ...]

    @property
    def size_bytes(self) -> int:
        """All parts together."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def missing_bytes(self) -> int:
        """What the region lacks; 0 if it suffices."""
        return max(0, self.size_bytes - self.region.size_bytes)

    @property
    def bytes_by_part(self) -> dict[str, int]:
        """What each part takes, by its name."""
        return {part.name: part.size_bytes for part in self.parts}

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        left = self.region.size_bytes - self.size_bytes
        return NO if left < 0 else TIGHT if left < TIGHT_SHARE * self.region.size_bytes else FITS


@dataclass(frozen=True)
class EngineFit:
    """One engine with a model on a board; without flash, code and constants are in the RAM."""

    memories: tuple[Memory, ...]

    @property
    def verdict(self) -> str:
        """The worst of its memories'."""
        return max((memory.verdict for memory in self.memories), key=VERDICTS.index)

    def memory(self, kind: str) -> Memory | None:
        """`RAM` or `flash`; None where the board has none."""
        return next((memory for memory in self.memories if memory.kind == kind), None)

    @property
    def figures(self) -> EngineFigures:
        """For `--json`: all of it by name."""
        ram, flash = self.memory("RAM"), self.memory("flash")
        assert ram is not None
        return EngineFigures(
            self.verdict,
            ram_bytes=ram.size_bytes,
            ram_available_bytes=ram.region.size_bytes,
            ram_region=ram.region.name,
            ram_missing_bytes=ram.missing_bytes or None,
            ram_parts=ram.bytes_by_part,
            flash_bytes=flash.size_bytes if flash else None,
            flash_available_bytes=flash.region.size_bytes if flash else None,
            flash_region=flash.region.name if flash else None,
            flash_missing_bytes=flash.missing_bytes or None if flash else None,
            flash_parts=flash.bytes_by_part if flash else None,
        )


@dataclass(frozen=True, eq=False)
class Fit:
    """A model on a board: what each engine takes; None for one that cannot run it, or whose needs are unknown.

    Attributes:
        candidate: the model.
        board: the board.
        stream: RAM and flash of the streaming engine.
        tflm: of TensorFlow Lite Micro.
        frame: predicted work of the streaming engine; None for a core on which nothing was counted.
        kind: of project, whose clock counts; None for the board's highest.
    """

    candidate: Candidate
    board: Board
    stream: EngineFit | None
    tflm: EngineFit | None
    frame: FrameCost | None = None
    kind: str | None = None

    @property
    def clock_hz(self) -> int | None:
        """The clock that `estimated_ms` is at."""
        return self.board.clock_hz if self.kind is None else self.board.clock_in(self.kind)

    @property
    def estimated_ms(self) -> float | None:
        """Milliseconds a frame at `clock_hz`, without wait states; None where cycles or clock are unknown."""
        cycles = self.frame.cycles if self.frame else None
        return None if cycles is None or self.clock_hz is None else cycles / self.clock_hz * 1e3

    @property
    def verdict(self) -> str | None:
        """The streaming engine's; TensorFlow Lite Micro's where that refuses the model."""
        chosen = self.stream or self.tflm
        return chosen.verdict if chosen else None

    @property
    def figures(self) -> FitFigures:
        """For `--json`: the streaming engine's figures by name, `tflm` with the other's."""
        veil, frame, one = self.candidate.veil_on(self.board), self.frame, self.candidate
        halves = frame is not None and frame.speedup is not None
        return FitFigures(
            model=one.name,
            board=self.board.name,
            core=self.board.core.name,
            veiled=veil.facts if veil else None,
            outputs=one.outputs or None,
            optimize=one.options.optimize,
            stream=self.stream.figures if self.stream else None,
            stream_unknown=None if self.stream else one.why_not,
            predicted_instructions=frame.instructions if frame else None,
            cores=one.options.cores if halves else None,
            predicted_speedup=frame.speedup if frame else None,
            estimated_cycles=None if frame is None or self.estimated_ms is None else frame.cycles,
            estimated_ms=self.estimated_ms,
            clock_hz=None if self.estimated_ms is None else self.clock_hz,
            tflm=self.tflm.figures if self.tflm else None,
            tflm_unknown=None if self.tflm else one.arena.why_not,
        )

    def as_json(self) -> dict[str, Any]:
        """The figures as a JSON object; what is unknown is absent."""
        return self.figures.as_json()

    def check(self) -> None:
        """Refuse what does not fit.

        Raises:
            RunError: the sentence says what is missing; also where the streaming engine cannot keep to its RAM.
            UserError: the streaming engine refuses the model, and TensorFlow Lite Micro's needs are unknown.
        """
        if self.stream is None and self.candidate.options.ram_bytes is not None:  # asked of the streaming engine alone
            raise RunError(f"{self.candidate.why_not}")
        chosen, engine = (self.stream, "the streaming engine") if self.stream else (self.tflm, "TensorFlow Lite Micro")
        if chosen is None:
            raise UserError(f"{self.candidate.why_not}; and of TensorFlow Lite Micro: {self.candidate.arena.why_not}")
        if chosen.verdict == NO:
            missing = " and ".join(_lacks(memory) for memory in chosen.memories if memory.missing_bytes)
            raise RunError(f"{self.candidate.name} does not fit {self.board.name} with {engine}: {missing}")


def _lacks(memory: Memory) -> str:
    return (
        f"{memory.missing_bytes:,} bytes of {memory.kind} are missing "
        f"({memory.size_bytes:,} needed, {memory.region.size_bytes:,} there)"
    )


def fit(candidate: Candidate, board: Board, kind: str | None = None) -> Fit:
    """What both engines take of a model on a board; of a kind of project the clock counts, if one is named."""
    stream, tflm = stream_parts(candidate, board), tflm_parts(candidate, board)
    footprint, veil = candidate.footprint_on(board), candidate.veil_on(board)
    frame = footprint.frame_cost(board.core.name, candidate.options.optimize) if footprint else None
    if frame is not None and veil is not None:
        frame = veil.with_finder(frame)
    return Fit(candidate, board, stream and _placed(board, *stream), tflm and _placed(board, *tflm), frame, kind)


def fits(candidates: Iterable[Candidate], boards: Sequence[Board], kind: str | None = None) -> list[Fit]:
    """Each model on each board."""
    return [fit(candidate, board, kind) for candidate in candidates for board in boards]


def check_fits(found: Sequence[Fit], *, each: bool) -> None:
    """Refuse what does not fit.

    Args:
        found: models on boards.
        each: on every board; otherwise a model passes that fits one of them.

    Raises:
        RunError: as `Fit.check`, of the first that does not fit, or of a model that fits no board.
        UserError: as `Fit.check`.
    """
    for candidate in dict.fromkeys(one.candidate for one in found):
        own = [one for one in found if one.candidate is candidate]
        if each or len(own) == 1:
            for one in own:
                one.check()
        elif not any(one.verdict in (FITS, TIGHT) for one in own):
            raise RunError(f"{candidate.name} fits none of these {len(own)} boards: take a narrower student")


def _placed(board: Board, ram: Parts, flash: Parts) -> EngineFit:
    """Parts in a board's memories."""
    if board.flash is None:
        return EngineFit((Memory("RAM", board.ram[0], ram + flash),))
    return EngineFit((Memory("RAM", board.ram[0], ram), Memory("flash", board.flash, flash)))
