"""What is on the shelf, by the names that people type."""

from __future__ import annotations

import difflib
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from edgeblur.errors import UserError
from edgeblur.files import behind_links
from edgeblur.records import Record

FOLDER = Path(__file__).parent
NOTE = "shelf.json"
Kind = Literal["teacher", "unet", "mask", "detector"]
KINDS: tuple[Kind, ...] = ("teacher", "unet", "mask", "detector")
"""The thesis's U-Net in full width, narrower U-Nets, nets that find a mask and blend a blurred picture in, and
detectors, whose boxes are veiled."""

INT8, FLOAT = "int8.tflite", "float.tflite"
_SUFFIXES = {INT8: "", FLOAT: "-float"}
KERAS = "model.keras"
EXTRA = "edgeblur-keras"
"""The package that brings what the wheel of edgeblur leaves out, as only training and comparing need it."""

WHERE = (
    f"install it with `pip install {EXTRA}`, or take it from the folder models/ of edgeblur's source: a light edgeblur "
    "comes without the files that only training needs"
)


@functools.cache
def extra_folder() -> Path | None:
    """Where the extra package lies, with a folder a model; None if it is not installed."""
    found = importlib.util.find_spec("edgeblur_keras")
    places = found.submodule_search_locations if found else None
    return Path(next(iter(places))) if places else None


def stored(folder: Path, file: str) -> Path:
    """A file of a shelved model: beside its card, else in the extra package; it may not exist."""
    path, extra = folder / file, extra_folder()
    if path.is_file() or extra is None or folder.parent != FOLDER:
        return path
    return extra / folder.name / file


@dataclass(frozen=True)
class Note(Record):
    """shelf.json.

    Attributes:
        title: for people.
        kind: one of `KINDS`.
        default: its int8 is the model of commands that are given none.
    """

    SPARSE: ClassVar = ("default",)
    REMEDY: ClassVar = f'it should be {{"title": TEXT, "kind": {" or ".join(KINDS)}, "default": true or nothing}}'

    title: str
    kind: Kind
    default: bool = False


@dataclass(frozen=True)
class Shelved:
    """A folder of the shelf: one net, in one or two precisions.

    Attributes:
        folder: its name is the model's.
        note: title, kind, and whether it is the default.
    """

    folder: Path
    note: Note

    @property
    def title(self) -> str:
        """For people."""
        return self.note.title

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Its files, int8 first."""
        files = {file: path for file in _SUFFIXES if (path := stored(self.folder, file)).is_file()}
        return tuple(
            Entry(self.folder.name + _SUFFIXES[file], path, self, self.note.default and file == INT8)
            for file, path in files.items()
        )


@dataclass(frozen=True)
class Entry:
    """A model file of the shelf.

    Attributes:
        name: what people type: `mask8`, `mask8-float`.
        path: the .tflite.
        shelved: the folder that it lies in.
        default: the one of the whole shelf.
    """

    name: str
    path: Path
    shelved: Shelved
    default: bool

    @property
    def keras(self) -> Path:
        """The trained net that it was made from.

        Raises:
            UserError: it did not come along.
        """
        path = stored(self.shelved.folder, KERAS)
        if not path.is_file():
            raise UserError(f"the net that {self.name} was made from ({KERAS}) is not installed: {WHERE}")
        return path


def read_shelved(folder: Path) -> Shelved:
    """Read a folder's shelf.json.

    Raises:
        UserError: it is missing or damaged.
    """
    return Shelved(folder, Note.read(folder / NOTE))


def shelf(folder: Path | None = None) -> tuple[Shelved, ...]:
    """All folders of the shelf, kind by kind, the largest first.

    Args:
        folder: the shelf; edgeblur's own by default.

    Raises:
        UserError: a shelf.json is damaged.
    """
    found = [read_shelved(note.parent) for note in (folder or FOLDER).glob(f"*/{NOTE}")]
    return tuple(sorted(found, key=_order))


def _order(shelved: Shelved) -> tuple[int, int, str]:
    size_bytes = max((entry.path.stat().st_size for entry in shelved.entries), default=0)
    return KINDS.index(shelved.note.kind), -size_bytes, shelved.folder.name


def entries(folder: Path | None = None) -> tuple[Entry, ...]:
    """All models of the shelf, as `shelf` orders them."""
    return tuple(entry for shelved in shelf(folder) for entry in shelved.entries)


def find_entry(name: str, folder: Path | None = None) -> Entry | None:
    """A model by the name that people type, None if there is none.

    Raises:
        UserError: its file is one that the extra package brings, and that is not installed.
    """
    known = entries(folder)
    found = next((entry for entry in known if entry.name == name), None)
    if found is None and any(entry.name + _SUFFIXES[FLOAT] == name for entry in known):
        raise UserError(f"{name} is not installed: {WHERE}")
    return found


def require_entry(name: str, folder: Path | None = None) -> Entry:
    """A model by the name that people type.

    Raises:
        UserError: there is none; the message has the nearest names.
    """
    entry = find_entry(name, folder)
    if entry is None:
        raise UserError(f"the shelf has no model {name!r}: {_advice(name, folder)}")
    return entry


def keras_of(name: str) -> Path:
    """The .keras file that people name: a file goes before a name of the shelf.

    Raises:
        UserError: no such name.
    """
    path = Path(name)
    return path if path.is_file() else require_entry(name).keras


def require_shelved(name: str, folder: Path | None = None) -> Shelved:
    """A folder of the shelf by its name, or by the name of a model in it.

    Raises:
        UserError: there is none; the message has the nearest names.
    """
    place = (folder or FOLDER) / name
    return read_shelved(place) if (place / NOTE).is_file() else require_entry(name, folder).shelved


def entry_at(path: Path, folder: Path | None = None) -> Entry | None:
    """The model of the shelf that a file is, None for a file elsewhere."""
    path, folder = behind_links(path), behind_links(folder or FOLDER)
    homes = {folder, *([behind_links(extra)] if (extra := extra_folder()) else [])}
    place = folder / path.parent.name
    if path.parent.parent not in homes or not (place / NOTE).is_file():
        return None
    return next((entry for entry in read_shelved(place).entries if behind_links(entry.path) == path), None)


def default_entry(folder: Path | None = None) -> Entry:
    """The model that commands take which are given none.

    Raises:
        UserError: there is none, or several are called so.
    """
    found = [entry for entry in entries(folder) if entry.default]
    if len(found) != 1:
        names = " and ".join(entry.name for entry in found) or "none"
        raise UserError(f"the shelf should have one default model, but has {names}: name a model")
    return found[0]


def advice(name: str) -> str:
    """What to say to somebody who gave `name`, which is neither a file nor on the shelf: half a sentence."""
    return f"or a model of the shelf ({_advice(name, None)})"


def _advice(name: str, folder: Path | None) -> str:
    near = difflib.get_close_matches(name, [entry.name for entry in entries(folder)], n=3, cutoff=0.5)
    return f"{' and '.join(near)} {'is' if len(near) == 1 else 'are'} near" if near else "see `edgeblur models`"
