"""Putting a run's model on the shelf."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.files import as_json, refuse_existing, write_together
from edgeblur.models.card import CARD, new_card
from edgeblur.models.choose import choose_model
from edgeblur.models.shelf import FLOAT, FOLDER, INT8, NOTE, Kind, Note, Shelved, read_shelved, shelf
from edgeblur.store.notes import HISTORY, MODEL, QUANTIZE, ModelInfo
from edgeblur.store.run_folder import RunModel

_FAMILIES: dict[str, Kind] = {"mask": "mask", "centre": "detector"}
_FILES = {"start", "teachers", "with_teachers"}
"""What in a model's notes names files of the machine that trained it."""
_TAKEN = (INT8, FLOAT, "model.keras", MODEL, HISTORY, QUANTIZE)

_WORDS = ("none", "detector")
"""What `search --teacher`, `compare --judge` and `blur --with` read before they look for a model."""


@dataclass(frozen=True)
class PutOptions:
    """How a model is put on the shelf.

    Attributes:
        name: of its folder; people will type it.
        model: which model of a run; its newest student by default.
        title: for people; by default made from the name.
        default: its int8 becomes the one default.
        float16: the float model's weights are stored in 16 bits.
    """

    name: str
    model: str | None = None
    title: str | None = None
    default: bool = False
    float16: bool = False


def put(source: Path, options: PutOptions, *, folder: Path | None = None, force: bool = False) -> Shelved:
    """Copy a model's files into a folder of the shelf, with shelf.json and, if there is none, a card to fill in.

    Args:
        source: a run, or a model's folder in one.
        folder: the shelf; edgeblur's own by default.
        force: replace the model of that name; its card stays, and its measures count no more.

    Raises:
        UserError: no such model, not quantized yet, a name that is taken, that nobody could type or that means
            something else, a title of several lines.
    """
    place = (folder or FOLDER) / options.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*(-(?!float$)[a-z0-9_]+)*", options.name):
        raise UserError(f"{options.name!r} is no name for the shelf: use small letters and digits, such as unet8")
    if options.name in _WORDS:
        raise UserError(f"{options.name!r} means something else where a model is asked for: choose another name")
    if options.title is not None and not options.title.isprintable():
        raise UserError(f"a title is one line of text, got {options.title!r:.80}", options=("title",))
    refuse_existing(place, force=force)
    _, model = choose_model(source, options.model)
    if not model.int8_tflite.is_file():
        raise UserError(f"{model.folder} holds no int8.tflite: run `edgeblur quantize --int8` first")
    files = {place / name: (model.folder / name).read_bytes() for name in _TAKEN if (model.folder / name).is_file()}
    files |= {path: _without_folders(data) for path, data in files.items() if path.name in (MODEL, HISTORY)}
    if options.float16 or place / FLOAT not in files:
        files[place / FLOAT] = _float_tflite(model, float16=options.float16)
    info, note = model.info(), _note(options, model.info(), place)
    files[place / NOTE] = as_json(note.as_json())
    if not (place / CARD).exists():
        files[place / CARD] = new_card(Shelved(place, note), net=_net(info), made=_made(info)).encode()
    write_together(files | (_without_default(place) if note.default else {}))
    return read_shelved(place)


def _without_folders(note: bytes) -> bytes:
    """A note whose files of teachers and first weights are named without the folders of the machine that trained."""
    told = json.loads(note)
    for facts in (told, told.get("options", {})):
        for key in _FILES & facts.keys():
            if given := facts[key]:
                facts[key] = _short(given) if isinstance(given, str) else [_short(path) for path in given]
    return as_json(told)


def _short(path: str) -> str:
    """`mask8/model.keras` of a model's own file, `mine.keras` of another."""
    parts = Path(path).parts
    return "/".join(parts[-2:]) if parts[-1] == "model.keras" else parts[-1]


def _note(options: PutOptions, info: ModelInfo, place: Path) -> Note:
    """shelf.json; what it said before stays if nothing else is asked for."""
    before = read_shelved(place) if (place / NOTE).is_file() else None
    kind: Kind = _FAMILIES.get(str((info.spec or {}).get("family")), "teacher" if info.kind == "teacher" else "unet")
    title = options.title or (before.title if before else options.name)
    default = options.default or (before is not None and before.note.default)
    return Note(title, kind, default)


def _without_default(place: Path) -> dict[Path, bytes]:
    """The notes of other folders that are no default any more."""
    others = [shelved for shelved in shelf(place.parent) if shelved.note.default and shelved.folder != place]
    return {other.folder / NOTE: as_json(replace(other.note, default=False).as_json()) for other in others}


def _float_tflite(model: RunModel, *, float16: bool) -> bytes:
    from edgeblur.distill.nets.keras_files import float_tflite, load_keras, require_tensorflow

    require_tensorflow()
    return float_tflite(load_keras(model.keras), float16=float16)


def _net(info: ModelInfo) -> str:
    spec = info.spec or {}
    size = f"{spec['width']}x{spec['height']}x3 in and out, " if {"width", "height"} <= spec.keys() else ""
    return "..." if info.parameters is None else f"{size}{info.parameters:,} parameters."


def _made(info: ModelInfo) -> str:
    facts = [f"{info.seconds:,} s of training" if info.seconds is not None else ""]
    facts.append(f"best epoch {info.best.epoch}" if info.best else "")
    known = ", ".join(part for part in facts if part)
    return f" ({known})" if known else ""
