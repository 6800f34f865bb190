"""Photos with a label file: JSON Lines, one picture a line.

    {"file": "a.jpg", "faces": [[x, y, w, h]], "ellipses": [[cx, cy, w, h, degrees]], "width": 256, "height": 192,
     "split": "train", "source": "owner/repository@commit:path", "licence": "CC BY 4.0", "terms": "cc-by",
     "dataset": "us-house"}

`file` (below the photo folder) and `faces` (pixels; `[]` if there is none) are needed, all else may be missing. Numbers
lie between -1,000,000 and 1,000,000; a face is at least 0.001 pixels wide and high. An ellipse is what is blurred: its
centre lies in the box, and it has at least a quarter of the box's area, or it would leave the face clear.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgeblur.distill.data.photos import LabelledPhoto, Photos
from edgeblur.errors import UserError
from edgeblur.files import LARGEST_TEXT, named_once, read_limited
from edgeblur.pictures.faces import Box, Ellipse, Face
from edgeblur.pictures.images import find_pictures, load_picture
from edgeblur.store.dataset import evenly

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test"}
_FARTHEST = 1_000_000
"""Pixels, and degrees: numbers of a label lie within, either side of 0."""
_THINNEST = 0.001  # pixels
_SMALLEST_ELLIPSE = 0.25  # of the box's area; one that touches all sides has pi / 4
_LARGEST_STRETCH = 1.05  # between a picture's real shape and the stated one, before they count as different
_REPOSITORY = re.compile(r"(?P<owner>[^/@:]+)/[^@:]+@[0-9a-f]{7,40}:(?P<path>.+)")


@dataclass(frozen=True)
class _Label:
    """One line of a label file; `size` is the stated width and height in pixels."""

    file: str
    faces: tuple[Face, ...]
    size: tuple[int, int] | None
    split: str | None
    source: str | None
    licence: str | None
    terms: str | None
    maker: str | None


def source_group(source: str) -> str:
    """The group of pictures that are crops or copies of one photo, from the name of their source.

    Of `owner/repository@commit:path` the owner and the path count, in lower case: the repositories of one owner
    publish the same photo again and again, and commits change without it. Other names stand for themselves.
    """
    match = _REPOSITORY.fullmatch(source)
    return f"{match['owner']}:{match['path']}".lower() if match else source


def from_labels(
    photos: Path, labels: Path, skipped: list[str], terms: frozenset[str] | None = None, limit: int | None = None
) -> Photos:
    """Photos of a folder with the faces that a label file names.

    Args:
        photos: the folder that the label file's names are relative to.
        labels: the label file. Boxes in pixels of the stated width and height are scaled to the real picture.
        skipped: gets a sentence for every picture that cannot be used, and one if pictures have no label.
        terms: take only pictures under these terms; a picture without terms is then left out.
        limit: take only so many pictures, spread evenly over the label file.

    Raises:
        UserError: the folder or the label file is missing or damaged (the sentence names the line), or, while
            going through the photos, not one could be used.
    """
    known = _read_labels(labels)
    missing = len({p.relative_to(photos).as_posix() for p in find_pictures(photos)} - {label.file for label in known})
    if missing:
        skipped.append(f"{missing} of the pictures in {photos} have no line in {labels} and were left out")
    chosen = [label for label in known if terms is None or label.terms in terms]
    if not chosen:
        found = ", ".join(sorted({label.terms or "none stated" for label in known}))
        raise UserError(f"{labels} has no picture under the terms {', '.join(sorted(terms or ()))}: it has {found}")
    chosen = evenly(chosen, limit)
    return Photos(_load_all(photos, chosen, skipped), len(chosen))


def _read_labels(path: Path) -> list[_Label]:
    """All lines of a label file, checked before the first picture is opened."""
    try:
        text = read_limited(path, LARGEST_TEXT).decode("utf-8-sig")
        lines = text.split("\n")  # JSON may hold other line ends inside text
    except FileNotFoundError as error:
        raise UserError(f"the label file {path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the label file {path} cannot be read as text: {error}") from error
    found: dict[str, _Label] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            label = _parse(json.loads(line, parse_int=_whole, object_pairs_hook=named_once))
            if label.file in found:
                raise ValueError(f"{label.file} has a line already: give all faces of a picture in one line")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise UserError(f"{path}, line {number}: {_reason(error)}") from error
        found[label.file] = label
    if not found:
        raise UserError(f"the label file {path} has no line: it needs one JSON object a picture")
    return list(found.values())


def _whole(digits: str) -> float:
    """A whole number; one of thousands of digits, which Python's int refuses, as infinity."""
    return int(digits) if len(digits) < 20 else float(digits)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"should be one JSON object per picture, but is not valid JSON ({error})"
    if isinstance(error, RecursionError):
        return "should be one JSON object a picture, but is nested too deep to be read"
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


def _parse(data: Any) -> _Label:
    """Check one line; ValueError, TypeError and KeyError say what is wrong with it."""
    if not isinstance(data, dict):
        raise ValueError(f'should be a JSON object such as {{"file": "a.jpg", "faces": []}}, got {data!r:.60}')
    size = _size(data["width"], data["height"]) if "width" in data or "height" in data else None
    faces = _faces(data["faces"], data.get("ellipses"))
    if size:
        _refuse_outside(faces, size)
    split = data.get("split")
    if split is not None and not (isinstance(split, str) and split in _SPLITS):
        raise ValueError(f"split should be train, val or test, got {split!r}")
    return _Label(
        _file(data["file"]),
        faces,
        size,
        _SPLITS[split] if split else None,
        _text(data, "source"),
        _text(data, "licence"),
        _text(data, "terms"),
        _text(data, "dataset"),
    )


def _size(width: Any, height: Any) -> tuple[int, int]:
    numbers = _numbers([width, height], "width and height")
    if min(numbers) < 1:
        raise ValueError(f"width and height should be positive, got {width}x{height}")
    return int(numbers[0]), int(numbers[1])


def _numbers(values: list[Any], what: str) -> list[float]:
    """JSON's numbers, but for infinity, NaN, and those that no picture reaches."""
    if not all(type(value) in (int, float) and -_FARTHEST <= value <= _FARTHEST for value in values):
        raise ValueError(f"{what} should be numbers from -{_FARTHEST:,} to {_FARTHEST:,}, got {values!r:.60}")
    return [float(value) for value in values]


def _file(name: Any) -> str:
    if not isinstance(name, str) or not name or not _is_text(name):
        raise ValueError(f"file should be the name of a picture, got {name!r:.60}")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"file should lie below the photo folder, got {name}")
    return path.as_posix()


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is not None and not (isinstance(value, str) and _is_text(value)):
        raise ValueError(f"{key} should be text, got {value!r:.60}")
    return value


def _is_text(value: str) -> bool:
    """JSON may name half a character (a lone surrogate), which no file can hold, and the end of all C strings."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _faces(boxes: Any, ellipses: Any) -> tuple[Face, ...]:
    """Boxes with their ellipses; a face without one gets the ellipse that its box encloses."""
    if not isinstance(boxes, list):
        raise ValueError(f"faces should be a list of boxes [x, y, w, h], got {boxes!r:.60}")
    if ellipses is not None and not isinstance(ellipses, list):
        raise ValueError(f"ellipses should be a list of [cx, cy, w, h, degrees], got {ellipses!r:.60}")
    if ellipses and len(ellipses) != len(boxes):
        raise ValueError(f"{len(boxes)} faces but {len(ellipses)} ellipses")
    return tuple(_face(box, ellipse) for box, ellipse in zip(boxes, ellipses or [None] * len(boxes), strict=True))


def _face(box: Any, ellipse: Any) -> Face:
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(f"a box should be [x, y, w, h], got {box!r:.60}")
    if ellipse is not None and (not isinstance(ellipse, list) or len(ellipse) != 5):
        raise ValueError(f"an ellipse should be [cx, cy, w, h, degrees], got {ellipse!r:.60}")
    x, y, w, h = _numbers(box, "a box [x, y, w, h]")
    middle = _numbers(ellipse, "an ellipse [cx, cy, w, h, degrees]") if ellipse else [x + w / 2, y + h / 2, w, h, 0]
    if 0 < min(w, h, *middle[2:4]) < _THINNEST:
        raise ValueError(f"a face should be at least {_THINNEST} pixels wide and high, got {box!r:.60}")
    face = Face.from_json({"box": [x, y, w, h], "ellipse": middle})
    if not _covers(face.ellipse, face.box):
        raise ValueError(
            f"an ellipse should have its centre in its box and a quarter of the box's area at least, "
            f"got {ellipse!r:.60} for the box {box!r:.60}"
        )
    return face


def _covers(ellipse: Ellipse, box: Box) -> bool:
    inside = box.x <= ellipse.cx <= box.x + box.w and box.y <= ellipse.cy <= box.y + box.h
    return inside and math.pi / 4 * ellipse.w * ellipse.h >= _SMALLEST_ELLIPSE * box.w * box.h


def _refuse_outside(faces: tuple[Face, ...], size: tuple[int, int]) -> None:
    """A face cut by the border is normal, one that does not touch the picture is a damaged label."""
    width, height = size
    for face in faces:
        b = face.box
        if b.x >= width or b.y >= height or b.x + b.w <= 0 or b.y + b.h <= 0:
            raise ValueError(f"the face {[b.x, b.y, b.w, b.h]} lies outside the picture of {width}x{height} pixels")


def _load_all(photos: Path, labels: list[_Label], skipped: list[str]) -> Iterator[LabelledPhoto]:
    """Load one labelled picture after the other; what cannot be used is noted in `skipped`."""
    reasons: list[str] = []
    for label in labels:
        try:
            photo = _load(photos, label)
        except UserError as error:
            reasons.append(str(error))
            skipped.append(str(error))
            continue
        yield photo
    if len(reasons) == len(labels):
        raise UserError(f"none of the {len(labels)} labelled pictures could be used; the first: {reasons[0]}")


def _load(photos: Path, label: _Label) -> LabelledPhoto:
    path = photos / label.file
    picture = load_picture(path)
    faces = label.faces
    if label.size is None:
        try:
            _refuse_outside(faces, picture.size)
        except ValueError as error:
            raise UserError(f"{path}: {error}") from error
    elif label.size != picture.size:
        scale_x, scale_y = picture.width / label.size[0], picture.height / label.size[1]
        if max(scale_x / scale_y, scale_y / scale_x) > _LARGEST_STRETCH:
            stated, real = "x".join(map(str, label.size)), f"{picture.width}x{picture.height}"
            raise UserError(f"{path} is {real} pixels, but its label says {stated}: labels belong to upright pictures")
        faces = tuple(face.moved(0, 0, scale_x, scale_y) for face in faces)
    source = label.source or f"{photos.name}/{label.file}"
    return LabelledPhoto(
        source, source_group(source), picture, faces, label.split, label.licence, label.terms, label.maker
    )
