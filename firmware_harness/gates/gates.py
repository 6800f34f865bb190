"""gates.toml: the limits that a model has to keep, read strictly.

[host]                            # on this machine
max_differing_bytes = 0           # of our C beside LiteRT's reference kernels, on random pictures

[photos]                          # on labelled photos
data = "dataset"                  # a data set, or: photos = "photos", labels = "photos/annotations.jsonl"
max_leak = 0.05                   # share of faces that the keenest detector still finds
min_outside_db = 30               # PSNR outside the face masks

[boards.pico]                     # a real board: planned, without building anything
max_ram_bytes = 200_000
max_flash_bytes = 400_000

[boards.mps2-an386]               # an emulated board: built, run, counted
optimize = "speed"
max_instructions = 40_000_000
max_differing_bytes = 0
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from edgeblur.errors import UserError
from edgeblur.export.stream.options import AIMS
from edgeblur.files import read_toml
from edgeblur.records import MismatchError, record_of, value_of

T = TypeVar("T")


@dataclass(frozen=True)
class HostGates:
    """Limits on this machine.

    Attributes:
        max_differing_bytes: output bytes of the streaming engine that are not those of LiteRT's reference kernels.
        pictures: how many seeded random pictures are compared.
    """

    max_differing_bytes: int | None = None
    pictures: int = 5


@dataclass(frozen=True)
class PhotoGates:
    """Limits on labelled photos.

    Attributes:
        data: a data set, whose test split is taken.
        photos: instead of it, a folder of photos, with `labels`.
        labels: the label file of `photos`.
        detectors: who looks for faces in the output; the one that finds most counts.
        limit: at most so many photos.
        min_face_px: faces with a smaller longer side are not judged.
        max_leak: share of faces still found, 0 to 1.
        max_face_free_changed: share of face-free photos that are visibly changed, 0 to 1.
        min_outside_db: PSNR outside the face masks.
    """

    data: Path | None = None
    photos: Path | None = None
    labels: Path | None = None
    detectors: tuple[str, ...] = ("centerface",)
    limit: int | None = None
    min_face_px: float = 16.0
    max_leak: float | None = None
    max_face_free_changed: float | None = None
    min_outside_db: float | None = None


@dataclass(frozen=True)
class BoardGates:
    """Limits on a board.

    Attributes:
        optimize: `size`, `balanced` or `speed`.
        max_ram_bytes: of a real board as `edgeblur fit` plans it, of an emulated one from the linked file.
        max_flash_bytes: the same.
        max_instructions: of a picture: predicted for a real board's core, counted on an emulated one.
        max_differing_bytes: output bytes of an emulated board that are not those of LiteRT's reference kernels.
    """

    optimize: str = "size"
    max_ram_bytes: int | None = None
    max_flash_bytes: int | None = None
    max_instructions: int | None = None
    max_differing_bytes: int | None = None


@dataclass(frozen=True)
class Gates:
    """All limits of a gates.toml; `boards` by name."""

    host: HostGates | None
    photos: PhotoGates | None
    boards: Mapping[str, BoardGates]


@dataclass(frozen=True)
class _Tables:
    """The file's tables, before their limits are read."""

    host: Any = None
    photos: Any = None
    boards: Any = dataclasses.field(default_factory=dict)


def read_gates(path: Path) -> Gates:
    """Read a gates.toml; paths in it are relative to its folder.

    Raises:
        UserError: no such file, no TOML, a name or a type that is not known, or no limit at all.
    """
    data = read_toml(path, "write limits there, as `edgeblur check --help` shows")
    _known(path, "", data, tuple(field.name for field in dataclasses.fields(_Tables)))
    tables = record_of(_Tables, data)
    if not isinstance(tables.boards, dict):
        raise UserError(f"{path}: write limits of boards as [boards.NAME], such as [boards.pico]")
    boards = {name: _section(path, f"boards.{name}", limits, BoardGates) for name, limits in tables.boards.items()}
    gates = Gates(
        _section(path, "host", tables.host, HostGates),
        _section(path, "photos", tables.photos, PhotoGates),
        {name: limits or BoardGates() for name, limits in boards.items()},
    )
    _check(path, gates)
    return gates


def _section(path: Path, name: str, data: Any, form: type[T]) -> T | None:
    """A table of the file as a dataclass, None if it is not there."""
    if data is None:
        return None
    if not isinstance(data, dict):
        raise UserError(f"{path}: {name} should be a table, [{name}], but is {data!r}")
    fields = get_type_hints(form)
    _known(path, name, data, tuple(fields))
    return form(**{key: _value(path, f"{name}.{key}", value, fields[key]) for key, value in data.items()})


_WANTED: dict[Any, str] = {
    int: "a whole number of at least 0",
    float: "a number of at least 0",
    str: f"one of {', '.join(AIMS)}",
    Path: "a path",
}


def _value(path: Path, key: str, value: Any, form: Any) -> Any:
    """A value of the field's type; paths become relative to the file's folder."""
    kind = next((kind for kind in (int, float, Path) if kind in get_args(form)), form)
    try:
        read = value_of(form, value)
    except MismatchError:
        read = None
    if read is None or not _allowed(kind, value):
        raise UserError(f"{path}: {key} should be {_WANTED.get(kind, 'a list of names')}, but is {value!r}")
    if kind is Path:
        return path.parent / read
    return float(read) if kind is float else read


def _allowed(kind: Any, value: Any) -> bool:
    """Whether a value of the right type is one that can be meant."""
    if kind in (int, float):
        return bool(value >= 0)
    return value in AIMS if kind is str else bool(value)


def _known(path: Path, section: str, data: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Refuse a name that nothing reads: a limit that is misspelled must not pass."""
    for name in data:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            advice = f"did you mean {near[0]}?" if near else f"write one of {', '.join(names)}"
            missing = f"[{section}] has no limit" if section else "limits stand in tables, and there is no table"
            raise UserError(f"{path}: {missing} {name!r}: {advice}")


def _check(path: Path, gates: Gates) -> None:
    sections = [section for section in (gates.host, gates.photos, *gates.boards.values()) if section is not None]
    if not any(_asks(section) for section in sections):
        raise UserError(f"{path} sets no limit: name one, such as max_ram_bytes = 200_000 under [boards.pico]")
    photos = gates.photos
    if photos and (photos.data is None) == (photos.photos is None):
        raise UserError(f"{path}: [photos] needs a data set as `data`, or `photos` with `labels`, one of the two")
    if photos and photos.photos and not photos.labels:
        raise UserError(f"{path}: [photos] needs the label file of {photos.photos} as `labels`")


def _asks(section: HostGates | PhotoGates | BoardGates) -> bool:
    return any(
        getattr(section, field.name) is not None
        for field in dataclasses.fields(section)
        if field.name.startswith(("max_", "min_")) and field.name != "min_face_px"
    )
