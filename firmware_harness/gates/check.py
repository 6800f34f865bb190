"""Measuring what a gates.toml limits, one row a limit; nothing else is run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import EngineFit, fit
from edgeblur.firmware_harness.gates.gates import BoardGates, Gates, HostGates, PhotoGates
from edgeblur.firmware_harness.privacy.protection import PrivacyOptions
from edgeblur.firmware_harness.validation.validate import validate
from edgeblur.models.choose import Chosen
from edgeblur.records import Record

BYTES, INSTRUCTIONS, SHARE, DECIBEL = "B", "instructions", "share", "dB"


@dataclass(frozen=True)
class Row(Record):
    """A limit, and what was found.

    Attributes:
        place: a board, `host` or `photos`.
        gate: `max_ram_bytes`, `min_outside_db`, ..., as gates.toml calls it.
        unit: of `found` and `limit`.
        limit: the maximum, or the minimum of a gate that says so.
        found: what was measured; None if it could not be, which fails.
        basis: where the figure comes from: `planned`, `predicted`, `counted in emulation`, `linked`, `measured`.
    """

    KEYS: ClassVar[tuple[str, ...]] = ("place", "gate", "unit", "limit", "found", "margin", "basis", "passed")
    DIGITS: ClassVar[Mapping[str, int]] = {"margin": 6}

    place: str
    gate: str
    unit: str
    limit: float
    found: float | None
    basis: str

    @property
    def margin(self) -> float | None:
        """What is left, in the row's unit; negative where the gate failed, None where nothing was found."""
        if self.found is None:
            return None
        return self.found - self.limit if self.gate.startswith("min_") else self.limit - self.found

    @property
    def passed(self) -> bool:
        """Whether the limit is kept."""
        return self.margin is not None and self.margin >= 0

    def as_json(self) -> dict[str, Any]:
        """By name; what is unknown is absent, and so is the PSNR of what is identical."""
        return {key: value for key, value in super().as_json().items() if value != math.inf}


@dataclass(frozen=True)
class Checked(Record):
    """A model beside its gates."""

    KEYS: ClassVar[tuple[str, ...]] = ("model", "passed", "rows")
    NAMES: ClassVar[Mapping[str, str]] = {"rows": "gates"}

    model: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """The limits that are not kept."""
        return tuple(row for row in self.rows if not row.passed)

    @property
    def passed(self) -> bool:
        """Whether all limits are kept."""
        return not self.failed

    def check(self) -> None:
        """Fail where a limit is not kept.

        Raises:
            RunError: one sentence that names all of those.
        """
        if self.failed:
            failed = ", ".join(f"{row.gate} of {row.place}" for row in self.failed)
            raise RunError(f"{self.model} fails {len(self.failed)} of {len(self.rows)} gates: {failed}")


def check_gates(chosen: Chosen, gates: Gates, board_file: Path | None = None) -> Checked:
    """Measure a model as far as gates ask, and set it beside them.

    Args:
        chosen: an int8 model.
        gates: its limits.
        board_file: boards of the user's, which have limits as well.

    Raises:
        UserError: an unknown board, photos or detectors that are not there, missing compilers or emulators, or a model
            that the streaming engine refuses.
        RunError: firmware failed.
    """
    boards = {
        name: find_board(name, board_file) for name in gates.boards
    }  # what is unknown is reported before anything runs
    for name, board in boards.items():
        _refuse_unmeasurable(board, gates.boards[name])
    rows = [row for name, board in boards.items() for row in _board(chosen, board, gates.boards[name])]
    rows += _host(chosen, gates.host) if gates.host else ()
    rows += _photos(chosen, gates.photos) if gates.photos else ()
    return Checked(chosen.name, tuple(rows))


def _refuse_unmeasurable(board: Board, gates: BoardGates) -> None:
    if not board.emulator and gates.max_differing_bytes is not None:
        raise UserError(
            f"max_differing_bytes of {board.name} cannot be measured without that board: ask it of an emulated one, "
            "such as [boards.mps2-an386], or of this machine under [host]"
        )


def _board(chosen: Chosen, board: Board, gates: BoardGates) -> Iterator[Row]:
    return _emulated(chosen, board, gates) if board.emulator else _planned(chosen, board, gates)


def _planned(chosen: Chosen, board: Board, gates: BoardGates) -> Iterator[Row]:
    """A real board: RAM and flash of the plan, predicted instructions."""
    found = fit(examine(chosen, StreamOptions(gates.optimize)), board)
    if found.stream is None:
        raise UserError(f"{chosen.name} cannot be checked on {board.name}: {found.candidate.why_not}")
    instructions = found.frame.instructions if found.frame else None
    ram, flash = _taken(found.stream, "RAM"), _taken(found.stream, "flash")
    yield from _most(board.name, "max_ram_bytes", BYTES, gates.max_ram_bytes, ram, "planned")
    yield from _most(board.name, "max_flash_bytes", BYTES, gates.max_flash_bytes, flash, "planned")
    yield from _most(board.name, "max_instructions", INSTRUCTIONS, gates.max_instructions, instructions, "predicted")


def _taken(engine: EngineFit, kind: str) -> int | None:
    memory = engine.memory(kind)
    return memory.size_bytes if memory else None


def _emulated(chosen: Chosen, board: Board, gates: BoardGates) -> Iterator[Row]:
    """An emulated board: what the linked file takes, what the emulator counted."""
    ran = run_emulated(chosen, board, EmulatedOptions(random=1, stream=StreamOptions(gates.optimize)))
    linked, differing = ran.linked, ran.comparison.differing_bytes
    counted = "counted in emulation"
    yield from _most(board.name, "max_ram_bytes", BYTES, gates.max_ram_bytes, linked.ram_bytes, "linked")
    yield from _most(board.name, "max_flash_bytes", BYTES, gates.max_flash_bytes, linked.flash_bytes, "linked")
    yield from _most(board.name, "max_instructions", INSTRUCTIONS, gates.max_instructions, ran.counts.median, counted)
    yield from _most(board.name, "max_differing_bytes", BYTES, gates.max_differing_bytes, differing, counted)


def _host(chosen: Chosen, gates: HostGates) -> Iterator[Row]:
    if gates.max_differing_bytes is None:
        return
    found = validate(chosen, random=gates.pictures, engines=("litert-ref", "stream"))
    yield Row("host", "max_differing_bytes", BYTES, gates.max_differing_bytes, found.differing_bytes, "measured")


def _photos(chosen: Chosen, gates: PhotoGates) -> Iterator[Row]:
    judges = gates.detectors if gates.max_leak is not None else ()
    asked = PrivacyOptions(judges, identity=False, min_side_px=gates.min_face_px)
    privacy = validate(
        chosen, photos=gates.photos, data=gates.data, labels=gates.labels, limit=gates.limit, privacy=asked
    ).privacy
    assert privacy is not None, "it was asked for"
    model, outside = privacy.model, privacy.model.fidelity.outside
    leak = model.worst_leak.rate if model.worst_leak else None
    changed = model.over_blur.face_free_changed_rate
    basis = f"measured on {privacy.images} photos"
    yield from _most("photos", "max_leak", SHARE, gates.max_leak, leak, basis)
    yield from _most("photos", "max_face_free_changed", SHARE, gates.max_face_free_changed, changed, basis)
    if gates.min_outside_db is not None:
        found = outside.psnr_db if outside else None
        yield Row("photos", "min_outside_db", DECIBEL, gates.min_outside_db, found, basis)


def _most(
    place: str, gate: str, unit: str, limit: float | None, found: float | None, basis: str
) -> Iterator[Row]:  # fmt: skip
    if limit is not None:
        yield Row(place, gate, unit, limit, found, basis)
