"""arenas.json: what TensorFlow Lite Micro needs for the models of the shelf, recorded once: recording takes a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgeblur import __version__
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.files import sha256
from edgeblur.models.shelf import FOLDER, entries
from edgeblur.records import Record

NAME = "arenas.json"


@dataclass(frozen=True)
class Arenas(Record):
    """Bytes of arena by the SHA-256 of a model's file."""

    KEYS: ClassVar = ("edgeblur",)
    REMEDY: ClassVar = "delete it, and run `edgeblur models measure` again"

    arena_bytes: Mapping[str, int]
    edgeblur: str | None = None


def known_arena(digest: str, folder: Path | None = None) -> Arena | None:
    """The arena of a model of the shelf, None where it was not recorded.

    Args:
        digest: SHA-256 of the model's file.
        folder: the shelf; edgeblur's own by default.

    Raises:
        UserError: arenas.json is damaged.
    """
    stored = Arenas.read_if_there((folder or FOLDER) / NAME)
    known = stored.arena_bytes.get(digest) if stored else None
    return None if known is None else Arena(known, None)


def record_arenas(folder: Path | None = None) -> Path:
    """Record the arenas of all models of the shelf that are not known yet, and forget those that are gone.

    Args:
        folder: the shelf; edgeblur's own by default.

    Returns:
        arenas.json.
    """
    place, found = folder or FOLDER, {}
    for entry in entries(folder):
        data = entry.path.read_bytes()
        arena = known_arena(sha256(data), folder) or record_arena(data)
        if arena.bytes is not None:
            found[sha256(data)] = arena.bytes
    Arenas(found, __version__).write(place / NAME)
    return place / NAME
