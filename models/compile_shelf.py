"""Compiling the shelf's models once, for models/footprints.json."""

from __future__ import annotations

from pathlib import Path

from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflm.arena import Arena
from edgeblur.files import sha256
from edgeblur.firmware_harness.fit.plan import plan_candidate
from edgeblur.models.choose import Chosen
from edgeblur.models.footprints import NAME, Footprints, Known, compiler_digest
from edgeblur.models.shelf import FOLDER, Entry, entries

_NO_ARENA = Arena(None, "it is in arenas.json")


def compile_shelf(folder: Path | None = None) -> Footprints:
    """What the shelf's models take, compiled by this compiler.

    Args:
        folder: the shelf; edgeblur's own by default.
    """
    found = {sha256(entry.path.read_bytes()): _known(entry) for entry in entries(folder)}
    return Footprints(compiler_digest(), found)


def record_footprints(folder: Path | None = None) -> Path:
    """Write footprints.json anew.

    Args:
        folder: the shelf; edgeblur's own by default.
    """
    path = (folder or FOLDER) / NAME
    compile_shelf(folder).write(path)
    return path


def _known(entry: Entry) -> Known:
    planned = plan_candidate(Chosen(entry.path, None, None, entry.name), StreamOptions(), arena=_NO_ARENA)
    return Known(planned.footprint, planned.why_not, planned.tflm_differs)
