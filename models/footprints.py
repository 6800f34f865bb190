"""footprints.json: what the models of the shelf take once compiled, so that `edgeblur fit` need not compile them.

Each is kept under the SHA-256 of its file, and all of them under that of the compiler's source: what another compiler
made is passed over, and the model compiled. `make footprints` writes the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgeblur.export.stream.costs.footprint import Footprint
from edgeblur.models.shelf import FOLDER
from edgeblur.records import Record

NAME = "footprints.json"

_EXPORT = FOLDER.parent / "export"
_SOURCES = ("*.py", "tflite/*.py", "tflm/*.py", "stream/*.py", "stream/*/*.py")
"""Of the compiler, as far as sizes and work depend on it: kernels and templates in C do not change them."""


@dataclass(frozen=True)
class Known(Record):
    """A model of the shelf, compiled for size and without budgets.

    Attributes:
        footprint: with direct kernels; None if the streaming engine refuses the model.
        why_not: its refusal.
        tflm_differs: where TensorFlow Lite Micro's bytes are not LiteRT's, layer by layer.
    """

    SPARSE: ClassVar = ("tflm_differs",)

    footprint: Footprint | None = None
    why_not: str | None = None
    tflm_differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Footprints(Record):
    """footprints.json: the compiler's digest, and models by the SHA-256 of their files."""

    REMEDY: ClassVar = "delete it: models are compiled then"

    compiler: str
    models: Mapping[str, Known]


def compiler_digest(export: Path = _EXPORT) -> str:
    """SHA-256 of the compiler's Python source."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _SOURCES for path in export.glob(pattern)):
        digest.update(path.relative_to(export).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def known_footprint(digest: str, folder: Path | None = None) -> Known | None:
    """A model of the shelf as this very compiler compiles it; None where that is not recorded.

    Args:
        digest: SHA-256 of the model's file.
        folder: the shelf; edgeblur's own by default.

    Raises:
        UserError: footprints.json is damaged.
    """
    stored = Footprints.read_if_there((folder or FOLDER) / NAME)
    known = stored.models.get(digest) if stored else None
    return known if stored and known and stored.compiler == compiler_digest() else None
