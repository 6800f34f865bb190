"""Measuring what is on the shelf: edgeblur's own commands are run with `--json`, and what they say is kept."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.errors import RunError, UserError
from edgeblur.files import sha256
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.comparison.table import Comparison
from edgeblur.firmware_harness.comparison.table import Entry as Compared
from edgeblur.models.arenas import record_arenas
from edgeblur.models.compile_shelf import record_footprints
from edgeblur.models.facts import read_facts
from edgeblur.models.measures import (
    NAME,
    TEST_SET,
    YARDSTICKS,
    BoardSet,
    KnownFile,
    OnBoard,
    OnPhotos,
    PhotoSet,
    read_measured,
)
from edgeblur.models.shelf import Entry, Shelved
from edgeblur.progress import say
from edgeblur.store.dataset import MANIFEST, evenly, open_dataset

BOARD = "mps2-an386"
"""An emulated Cortex-M4F, on which instructions are counted by default."""

COMPARE = ("--judge", "centerface", "--judge", "blazeface", "--privacy")
"""How `edgeblur compare` is asked by default: all that it can measure."""

_BOARD_DETAILS = ("model", "layers", "sections", "frame_instructions", "calibration_error")
"""What `edgeblur run --json` says beyond what is kept of a run."""


@dataclass(frozen=True)
class MeasureOptions:
    """What to measure.

    Attributes:
        data: a data set, of which the test split is taken; None to measure nothing on photos.
        photos: what that set of photos is to be called.
        limit: at most so many photos.
        boards: emulated boards to count instructions on.
        compare: further options of `edgeblur compare`.
    """

    data: Path | None = None
    photos: str = TEST_SET
    limit: int | None = None
    boards: tuple[str, ...] = (BOARD,)
    compare: tuple[str, ...] = COMPARE


def measure(shelved: Shelved, options: MeasureOptions) -> Path:
    """Measure a folder's models and note it in its measures.json; what is not measured now stays as it was.

    Returns:
        measures.json.

    Raises:
        UserError: no data set there.
        RunError: a command failed; it has said why.
    """
    files = tuple(KnownFile(e.name, read_facts(e.path)) for e in shelved.entries)
    known = replace(read_measured(shelved), edgeblur=__version__, files=files)
    if options.data:
        found = _on_photos(shelved.entries, options.data, options)
        known = replace(known, photos={**known.photos, options.photos: found})
    streamed = [e for e, file in zip(shelved.entries, files, strict=True) if file.facts.ram_bytes is not None]
    for board in options.boards if streamed else ():
        known = replace(known, boards={**known.boards, board: _on_board(streamed, board)})
    known.write(shelved.folder / NAME)
    record_arenas(shelved.folder.parent)
    record_footprints(shelved.folder.parent)
    return shelved.folder / NAME


def said_by(arguments: Sequence[str]) -> dict[str, Any]:
    """What one of edgeblur's commands says with `--json`; its progress and its errors go to our standard error."""
    command = [sys.executable, "-m", "edgeblur", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise RunError(f"`{shlex.join(['edgeblur', *arguments])}` ended with {done.returncode}: nothing was noted")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _told(arguments: Sequence[str], data: Path | None, names: dict[str, str]) -> str:
    """A command as the reader can give it: shelf names for files, DATA for a data set's folder on this machine."""
    places = {**({str(data): "DATA"} if data else {}), **names}
    return shlex.join(["edgeblur", *(places.get(argument, argument) for argument in arguments)])


def _on_photos(entries: Sequence[Entry], data: Path, options: MeasureOptions) -> PhotoSet:
    """Compare all models of a folder with the untouched photos and with the target."""
    photos = evenly(open_dataset(data).split("test"), options.limit)
    if not photos:
        raise UserError(f"{data} has no test split to measure on: make it again with a share for test")
    with_models = [word for entry in entries for word in ("--with", str(entry.path))]
    common = ["--data", str(data), "--detector", "none", "--limit", str(len(photos))]
    arguments = ["compare", *with_models, *common, *options.compare]
    say(f"measuring {' and '.join(entry.name for entry in entries)} on {len(photos)} photos")
    found = Comparison.from_json(said_by(arguments))
    rows = {row.name: _of_the_model(row) for row in found.entries}
    measured = {entry: rows.get(entry.name) or rows[entry.path.name] for entry in entries}  # on our shelf or another
    return PhotoSet(
        command=_told(arguments, data, {str(entry.path): entry.name for entry in entries}),
        data=f"{len(photos)} photos, test split",
        manifest_sha256=sha256((data / MANIFEST).read_bytes()),
        split=found.split,
        images=found.images,
        width=found.width,
        height=found.height,
        judges=found.judges,
        yardsticks=tuple(rows[name] for name in YARDSTICKS),
        models=tuple(OnPhotos(sha256(e.path.read_bytes()), replace(row, name=e.name)) for e, row in measured.items()),
    )


def _of_the_model(row: Compared) -> Compared:
    """Without what depends on this host or on what is installed, and what says nothing of a model."""
    return replace(row, approach="", latency=None, arena_bytes=None, extra=False)


def _on_board(entries: Sequence[Entry], board: str) -> BoardSet:
    """Count instructions on an emulated board, and compare the bytes."""
    models = []
    for entry in entries:
        arguments = ["run", str(entry.path), "--board", board, "--random", "2", "--optimize", "speed"]
        say(f"running {entry.name} on {board}")
        command = _told(arguments, None, {str(entry.path): entry.name})
        models.append(OnBoard(entry.name, sha256(entry.path.read_bytes()), command, ran_by(arguments)))
    return BoardSet(tuple(models))


def ran_by(arguments: Sequence[str]) -> Ran:
    """What came of an `edgeblur run`, without its details."""
    return Ran.from_json({key: value for key, value in said_by(arguments).items() if key not in _BOARD_DETAILS})
