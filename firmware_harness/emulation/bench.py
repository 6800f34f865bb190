"""Models on emulated boards, one picture each: instructions, code and RAM, kept as CSV, compared with what they were.

Counts of emulated instructions are exact. So firmware that is the same to the byte need not run again, and the smallest
difference is one.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import ImageModel
from edgeblur.files import write_together
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.emulation.build import build, write_project
from edgeblur.firmware_harness.emulation.elf import contents
from edgeblur.firmware_harness.emulation.result import BoardRun
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, Rig, compile_model, prepare
from edgeblur.models.choose import Chosen
from edgeblur.progress import track

FRAMES, LAYERS = "frames.csv", "layers.csv"

Key = tuple[str, str, str]
"""Model, board, what it was optimized for."""


@dataclass(frozen=True)
class _Row:
    """What every row begins with: which model, on which board, written for what."""

    model: str
    board: str
    optimize: str

    @property
    def key(self) -> Key:
        """Names what was measured."""
        return self.model, self.board, self.optimize


@dataclass(frozen=True)
class Frame(_Row):
    """A model on a board.

    Attributes:
        core: of the board.
        macs: multiply-accumulates of a picture.
        instructions: executed for a seeded random picture.
        ram_bytes: `.data`, `.bss` and the reserved stack.
        stack_bytes: used of it.
        flash_bytes: of everything.
        code_bytes: of the model's C, without start-up code and C library.
        weights_bytes: of its weights, tables and layer descriptions.
        firmware: names what was run: the first 16 digits of the SHA-256 of all that the board was given.
        compiler, emulator: what they say about themselves.
    """

    core: str
    macs: int
    instructions: int
    ram_bytes: int
    stack_bytes: int
    flash_bytes: int
    code_bytes: int
    weights_bytes: int
    firmware: str
    compiler: str
    emulator: str


@dataclass(frozen=True)
class Layer(_Row):
    """A layer of a model on a board; `number` counts from 1 in the order of the net, `kernel` made its rows."""

    number: int
    name: str
    op: str
    kernel: str
    macs: int
    instructions: int


@dataclass(frozen=True)
class Bench:
    """What was measured, frame by frame and layer by layer."""

    frames: tuple[Frame, ...] = ()
    layers: tuple[Layer, ...] = ()

    def only(self, key: Key) -> Bench:
        """What it knows of a model on a board."""
        return Bench(
            tuple(frame for frame in self.frames if frame.key == key),
            tuple(layer for layer in self.layers if layer.key == key),
        )

    def updated(self, new: Bench) -> Bench:
        """With newer measurements in place of older ones, the others as they were."""
        keys = list(dict.fromkeys(frame.key for frame in (*self.frames, *new.frames)))
        measured = {frame.key for frame in new.frames}
        parts = [(new if key in measured else self).only(key) for key in keys]
        return joined(parts)


def joined(parts: Iterable[Bench]) -> Bench:
    """Measurements one behind the other."""
    parts = list(parts)
    frames = tuple(frame for part in parts for frame in part.frames)
    return Bench(frames, tuple(layer for part in parts for layer in part.layers))


# Measuring


@dataclass(frozen=True)
class Outcome:
    """What came of measuring.

    Attributes:
        bench: the measurements.
        skipped: a sentence for each combination that does not fit its board, or lacks a compiler.
        failed: a sentence for each whose firmware did not do what it should.
    """

    bench: Bench
    skipped: tuple[str, ...]
    failed: tuple[str, ...]


def measure(
    models: Sequence[Chosen],
    boards: Sequence[Board],
    aims: Sequence[str],
    kept: Bench,
    *,
    flash_bytes: int | None = None,
) -> Outcome:
    """Measure each model on each board for each aim.

    Args:
        models: int8 models.
        boards: emulated ones.
        aims: of `AIMS`.
        kept: measured before: what has the same firmware, compiler and emulator is taken from there.
        flash_bytes: as `export` takes it.

    Raises:
        UserError: a model cannot be streamed, or two have one name.
    """
    names = [chosen.name for chosen in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two of the models are called {twice}: rename one, or measure them one after the other")
    parts, skipped, failed = [], [], []
    total = len(models) * len(aims) * len(boards)
    pairs = ((chosen, aim, board) for chosen in models for aim in aims for board in boards)
    compiled: dict[tuple[Chosen, str, str], tuple[ImageModel, Compiled]] = {}
    for chosen, aim, board in track(pairs, "measure", total):
        options = EmulatedOptions(random=1, stream=StreamOptions(aim, flash_bytes=flash_bytes))
        key = (chosen, aim, board.name)
        if key not in compiled:
            compiled = {key: compile_model(chosen, options, board)}  # the last one is enough
        try:
            rig = prepare(chosen, board, options, *compiled[key])
            parts.append(_measure(rig, kept.only((chosen.name, board.name, aim))))
        except UserError as refusal:
            skipped.append(f"{refusal} ({aim})")
        except RunError as failure:
            failed.append(f"{failure} ({chosen.name}, {aim})")
    return Outcome(joined(parts), tuple(skipped), tuple(failed))


def _measure(rig: Rig, kept: Bench) -> Bench:
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        project = write_project(Path(name), rig.compiled, rig.board, rig.optimize)
        plain = build(project)
        firmware = hashlib.sha256(contents(plain)).hexdigest()[:16]
        same = (firmware, rig.compiler, rig.emulator)
        if any((frame.firmware, frame.compiler, frame.emulator) == same for frame in kept.frames):
            return kept
        return _rows(rig.measure(project, plain), firmware)


def _rows(run: BoardRun, firmware: str) -> Bench:
    run.check()
    key = run.model, run.board.name, run.optimize
    frame = Frame(
        *key,
        core=run.board.core.name,
        macs=run.macs,
        instructions=run.counts.median,
        ram_bytes=run.linked.ram_bytes,
        stack_bytes=run.stack_bytes,
        flash_bytes=run.linked.flash_bytes,
        code_bytes=run.linked.size_bytes(".model_code"),
        weights_bytes=run.weights_bytes,
        firmware=firmware,
        compiler=run.compiler,
        emulator=run.emulator,
    )
    layers = tuple(
        Layer(*key, n, each.name, each.op, each.kernel, each.macs, each.count)
        for n, each in enumerate(run.counts.layers, 1)
    )
    return Bench((frame,), layers)


# Keeping

Row = TypeVar("Row", Frame, Layer)


def _csv(kind: type[Any], rows: Sequence[Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(kind)])
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue().encode()


def write_bench(folder: Path, bench: Bench) -> None:
    """Write frames.csv and layers.csv, both or none."""
    write_together({folder / FRAMES: _csv(Frame, bench.frames), folder / LAYERS: _csv(Layer, bench.layers)})


def read_bench(folder: Path) -> Bench:
    """Read what `write_bench` wrote; nothing is there yet: nothing is known.

    Raises:
        UserError: the files are others, or damaged.
    """
    return Bench(_read(folder / FRAMES, Frame), _read(folder / LAYERS, Layer))


def _row(kind: type[Row], line: Sequence[str]) -> Row:
    cells: list[Any] = [
        int(cell) if field.type == "int" else cell for field, cell in zip(fields(kind), line, strict=True)
    ]
    return kind(*cells)


def _read(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    if not path.exists():
        return ()
    columns = [field.name for field in fields(kind)]
    try:
        header, *lines = csv.reader(path.read_text().splitlines())
        if header != columns:
            raise ValueError(f"its columns are {', '.join(header)[:200]}")
        return tuple(_row(kind, line) for line in lines)
    except ValueError as error:
        raise UserError(f"{path} should be a CSV that edgeblur bench wrote: {error}; delete it") from error


# Comparing


@dataclass(frozen=True)
class Difference:
    """A number that is not what it was: `what` it is, of which model, board and aim."""

    key: Key
    what: str
    kept: int
    now: int

    @property
    def change(self) -> float:
        """As a share of what it was."""
        return self.now / self.kept - 1 if self.kept else float("inf")


COMPARED = ("instructions", "ram_bytes", "stack_bytes", "flash_bytes", "code_bytes", "weights_bytes")
"""The numbers of a frame that are compared."""


def differences(kept: Bench, now: Bench) -> list[Difference]:
    """Numbers of frames that changed; what one of the two does not know is left out."""
    before = {frame.key: frame for frame in kept.frames}
    pairs = [(before[frame.key], frame) for frame in now.frames if frame.key in before]
    return [
        Difference(frame.key, what, getattr(old, what), getattr(frame, what))
        for old, frame in pairs
        for what in COMPARED
        if getattr(old, what) != getattr(frame, what)
    ]


def layer_differences(kept: Bench, now: Bench) -> list[Difference]:
    """Layers whose instructions changed, what changed most first."""
    before = {(layer.key, layer.number, layer.op): layer.instructions for layer in kept.layers}
    found = [
        Difference(layer.key, f"layer {layer.number}, {layer.op}", old, layer.instructions)
        for layer in now.layers
        if (old := before.get((layer.key, layer.number, layer.op))) is not None and old != layer.instructions
    ]
    return sorted(found, key=lambda each: -abs(each.now - each.kept))
