"""Public face data sets through tensorflow-datasets, for those with a network or a prepared folder."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from edgeblur.distill.data.photos import LabelledPhoto, Photos
from edgeblur.errors import UserError, missing_package
from edgeblur.pictures.faces import Box, Ellipse, Face

_HOST = "drive.google.com"  # where both data sets are downloaded from

# An ellipse from hairline to chin, in units of the mean of the eyes' distance and the eyes-to-mouth distance:
# medians over 3,501 faces of 32 pixels and more of our photos (spread of width and height 6.5 %).
_UP, _WIDTH, _HEIGHT = 0.18, 2.15, 2.9

Point = tuple[float, float]


@dataclass(frozen=True)
class _Known:
    """A data set that we can read.

    Attributes:
        splits: its labelled splits, our name of each, and each one's share if only some pictures are wanted.
        read: makes a photo of one example, its split and its number.
    """

    splits: tuple[tuple[str, str, float], ...]
    read: Callable[[Any, str, int], LabelledPhoto]


def ellipse_from_landmarks(left_eye: Point, right_eye: Point, mouth: Point) -> Ellipse:
    """The ellipse of a face from its eyes (left in the picture first) and the middle of its mouth, in pixels."""
    eyes = ((left_eye[0] + right_eye[0]) / 2, (left_eye[1] + right_eye[1]) / 2)
    turn = math.atan2(right_eye[1] - left_eye[1], right_eye[0] - left_eye[0])
    unit = (math.dist(left_eye, right_eye) + math.dist(eyes, mouth)) / 2
    cx = (eyes[0] + mouth[0]) / 2 + _UP * unit * math.sin(turn)
    cy = (eyes[1] + mouth[1]) / 2 - _UP * unit * math.cos(turn)
    return Ellipse(cx, cy, _WIDTH * unit, _HEIGHT * unit, math.degrees(turn))


def box_around(ellipse: Ellipse) -> Box:
    """The upright box that just encloses a turned ellipse."""
    turn = math.radians(ellipse.degrees)
    w = math.hypot(ellipse.w * math.cos(turn), ellipse.h * math.sin(turn))
    h = math.hypot(ellipse.w * math.sin(turn), ellipse.h * math.cos(turn))
    return Box(ellipse.cx - w / 2, ellipse.cy - h / 2, w, h)


def _wider_face(example: Any, split: str, number: int) -> LabelledPhoto:
    """Boxes come as `[ymin, xmin, ymax, xmax]`, 0 to 1; those marked invalid or without area are no labels."""
    picture = Image.fromarray(example["image"]).convert("RGB")
    faces = []
    for box, invalid in zip(example["faces"]["bbox"].tolist(), example["faces"]["invalid"].tolist(), strict=True):
        top, left, bottom, right = box
        if not invalid and right > left and bottom > top:
            w, h = (right - left) * picture.width, (bottom - top) * picture.height
            faces.append(Face.from_box(Box(left * picture.width, top * picture.height, w, h)))
    source = f"tfds:wider_face/{example['image/filename'].decode()}"
    licence = "WIDER FACE: research; photos from the web"
    return LabelledPhoto(source, source, picture, tuple(faces), split, licence, "research-only")


def _celeb_a(example: Any, split: str, number: int) -> LabelledPhoto:
    """One face a picture, known by five landmarks; grouped by person, so that splits can be person-disjoint."""
    picture = Image.fromarray(example["image"]).convert("RGB")
    marks = {key: float(value) for key, value in example["landmarks"].items()}
    mouth = ((marks["leftmouth_x"] + marks["rightmouth_x"]) / 2, (marks["leftmouth_y"] + marks["rightmouth_y"]) / 2)
    eyes = ((marks["lefteye_x"], marks["lefteye_y"]), (marks["righteye_x"], marks["righteye_y"]))
    ellipse = ellipse_from_landmarks(*eyes, mouth)
    faces = (Face(box_around(ellipse), ellipse),) if min(ellipse.w, ellipse.h) > 0 else ()
    group = f"tfds:celeb_a/person {int(example['identity']['Identity_No'])}"
    licence = "CelebA: non-commercial research"
    return LabelledPhoto(f"tfds:celeb_a/{split}/{number:06d}", group, picture, faces, split, licence, "research-only")


# WIDER FACE keeps the labels of its test split to itself: read as labelled, its faces would pass for background.
_KNOWN = {
    "wider_face": _Known((("train", "train", 0.8), ("validation", "val", 0.2)), _wider_face),
    "celeb_a": _Known((("train", "train", 0.7), ("validation", "val", 0.2), ("test", "test", 0.1)), _celeb_a),
}

TFDS_NAMES = tuple(_KNOWN)


def from_tfds(name: str, limit: int | None = None, *, data_dir: Path | None = None) -> Photos:
    """Photos and faces of a data set of tensorflow-datasets, downloaded and prepared if it is not yet.

    Args:
        name: one of `TFDS_NAMES`. `wider_face` gives boxes, `celeb_a` landmarks, from which ellipses are derived.
        limit: take only so many pictures, from all splits.
        data_dir: where prepared data sets lie; `~/tensorflow_datasets` or `TFDS_DATA_DIR` by default.

    Raises:
        UserError: the data set is not known, tensorflow-datasets is not installed, or the data set is neither
            prepared nor can it be downloaded.
    """
    if name not in _KNOWN:
        raise UserError(f"there is no reader for the data set {name!r}: choose {' or '.join(TFDS_NAMES)}")
    try:
        builder = _prepared(name, data_dir)
    except ImportError as error:
        raise missing_package(error.name or "tensorflow-datasets", "tfds", error) from error
    return Photos(_read(builder, _KNOWN[name], limit), _total(builder, _KNOWN[name], limit))


def _prepared(name: str, data_dir: Path | None) -> Any:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
    from tensorflow_datasets.core.download.extractor import ExtractError

    logging.getLogger("absl").setLevel(logging.ERROR)  # a data set that is not there yet is no news
    builder = tfds.builder(name, data_dir=data_dir and str(data_dir))
    if not builder.is_prepared():
        _refuse_without_network(name, builder.data_path)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # our stdout is for results
                builder.download_and_prepare()
        except (OSError, tfds.download.DownloadError, NonMatchingChecksumError, ExtractError) as error:
            raise UserError(_no_data(name, builder.data_path, f"the download failed: {error}")) from error
    return builder


def _refuse_without_network(name: str, prepared: Any) -> None:
    """Say at once what tensorflow-datasets would say after minutes of retries. A proxy looks names up for us."""
    if "https" in urllib.request.getproxies():
        return
    try:
        socket.getaddrinfo(_HOST, 443)
    except OSError as error:
        raise UserError(_no_data(name, prepared, f"{_HOST} cannot be reached")) from error


def _no_data(name: str, prepared: Any, reason: str) -> str:
    return (
        f"{name} is not prepared in {prepared}, and {reason}; use a machine with a network, "
        "or copy a prepared tensorflow_datasets folder there"
    )


def _total(builder: Any, known: _Known, limit: int | None) -> int | None:
    """At most how many pictures will come, None if neither the caller nor the data set says."""
    splits = builder.info.splits
    names = [name for name, _, _ in known.splits]
    if not all(name in splits for name in names):
        return limit
    count = sum(int(splits[name].num_examples) for name in names)
    return count if limit is None else min(limit, count)


def _quotas(known: _Known, limit: int | None) -> list[int | None]:
    """How many pictures to take of each split; what rounding leaves over is taken from the first."""
    if limit is None:
        return [None] * len(known.splits)
    later = [int(limit * share) for _, _, share in known.splits[1:]]
    return [limit - sum(later), *later]


def _read(builder: Any, known: _Known, limit: int | None) -> Iterator[LabelledPhoto]:
    import tensorflow_datasets as tfds

    for (name, ours, _), quota in zip(known.splits, _quotas(known, limit), strict=True):
        examples = tfds.as_numpy(builder.as_dataset(split=name, shuffle_files=False))
        for number, example in enumerate(itertools.islice(examples, quota)):
            yield known.read(example, ours, number)
