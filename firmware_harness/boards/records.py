"""What `edgeblur run` found out about a run's models: kept in RUN/boards.json, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgeblur import __version__
from edgeblur.export.tflite.graph import read_file
from edgeblur.files import sha256
from edgeblur.models.choose import Chosen
from edgeblur.records import Record

NAME = "boards.json"


@dataclass(frozen=True)
class Ran(Record):
    """A model's run on a board, as later reports need it; what a kind of board cannot measure is None.

    Attributes:
        board: its name.
        images: how many pictures.
        bytes_compared: of output, all pictures together, with those of LiteRT's reference kernels.
        differing_bytes: of those.
        core: of an emulated board, its key in boards.toml.
        optimize: `size`, `balanced` or `speed`.
        instructions, cycles: executed for a picture, the median.
        ms: of the cycles, at the board's clock.
        repeatable: a second run took exactly as many.
        macs: multiply-accumulates of a picture.
        ram_bytes: emulated with the reserved stack, at a serial port without any.
        stack_bytes: used at the deepest moment.
        flash_bytes, code_bytes, weights_bytes: of the linked file.
        compiler, emulator: what they say about themselves.
        engine, firmware: what the board at a serial port says about itself.
        measured_ms: of a picture, by the board's own counter, the median.
        own_picture_ms, own_picture_equal: of the picture that the board made itself.
        may_be_emulated: a board of this kind runs in an emulator too.
        tick_hz: of the board's counter.
        cores: how many made a picture together.
    """

    SPARSE: ClassVar = ("may_be_emulated", "cores")

    board: str
    images: int
    bytes_compared: int
    differing_bytes: int
    core: str | None = None
    optimize: str | None = None
    instructions: int | None = None
    cycles: int | None = None
    ms: float | None = None
    repeatable: bool | None = None
    macs: int | None = None
    ram_bytes: int | None = None
    stack_bytes: int | None = None
    flash_bytes: int | None = None
    code_bytes: int | None = None
    weights_bytes: int | None = None
    compiler: str | None = None
    emulator: str | None = None
    engine: str | None = None
    firmware: str | None = None
    measured_ms: float | None = None
    own_picture_ms: float | None = None
    own_picture_equal: bool | None = None
    may_be_emulated: bool = False
    tick_hz: int | None = None
    cores: int = 1


@dataclass(frozen=True)
class Kept(Record):
    """A run of one of a run folder's models.

    Attributes:
        model: its name there.
        ran: what came of it.
        sha256: of the model's file.
        budget_bytes: of RAM that the engine was planned for.
    """

    FLAT: ClassVar = ("ran",)

    model: str
    ran: Ran
    sha256: str
    budget_bytes: int | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """A run of the same again replaces the one before."""
        return self.model, self.sha256, self.ran.board, self.ran.optimize, self.ran.cores, self.budget_bytes


@dataclass(frozen=True)
class Records(Record):
    """boards.json."""

    KEYS: ClassVar = ("edgeblur",)
    REMEDY: ClassVar = "delete it, and run the models again"

    runs: tuple[Kept, ...]
    edgeblur: str | None = None


def records(folder: Path) -> tuple[Kept, ...]:
    """What boards said of a run folder's models, the latest last; empty if none ran on one.

    Raises:
        UserError: boards.json is damaged.
    """
    path = folder / NAME
    return Records.read(path).runs if path.exists() else ()


def keep_record(chosen: Chosen, ran: Ran, *, budget_bytes: int | None = None) -> None:
    """Note in a run folder what a board said of one of its models; of a file outside a run nothing is kept.

    Args:
        chosen: the model.
        ran: emulated with `instructions`, or at a serial port with `measured_ms`.
        budget_bytes: of RAM that the engine was planned for.
    """
    if chosen.run is None:
        return
    record = Kept(chosen.name, ran, sha256(read_file(chosen.path)), budget_bytes)
    others = [other for other in records(chosen.run.folder) if other.key != record.key]
    Records((*others, record), __version__).write(chosen.run.folder / NAME)
