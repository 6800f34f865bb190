"""Where labelled photos come from: a label file, a detector, a public data set, or the scene generator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeblur.detectors.detector import Detector
from edgeblur.detectors.open import DETECTORS, open_detector
from edgeblur.distill.data.labels import from_labels
from edgeblur.distill.data.photos import LabelledPhoto, Photos
from edgeblur.distill.data.tfds_faces import TFDS_NAMES, from_tfds
from edgeblur.errors import UserError
from edgeblur.pictures.images import find_pictures, readable_pictures
from edgeblur.store.dataset import evenly

__all__ = [
    "LabelledPhoto",
    "Photos",
    "Source",
    "from_detector",
    "from_labels",
    "from_synthetic",
    "from_tfds",
    "open_photos",
    "open_source",
    "parse_source",
    "with_scenes",
]


def from_detector(photos: Path, detector: Detector, skipped: list[str], limit: int | None = None) -> Photos:
    """Photos of a folder (or one photo) with the faces that a pretrained detector finds.

    Args:
        photos: a folder, searched with everything below it.
        detector: its own threshold decides.
        skipped: gets a sentence for every picture that cannot be read.
        limit: take only so many pictures, spread evenly over the folder.

    Raises:
        UserError: no picture there, or, while going through the photos, not one could be read.
    """
    paths = evenly(find_pictures(photos, skipped), limit)
    above = (photos if photos.is_dir() else photos.parent).absolute().parent
    stream = (
        LabelledPhoto(name, name, picture, detector.detect(picture))
        for path, picture in readable_pictures(paths, skipped)
        for name in [path.absolute().relative_to(above).as_posix()]
    )
    return Photos(stream, len(paths))


def open_photos(
    photos: Sequence[Path],
    labels: Sequence[Path] = (),
    *,
    skipped: list[str],
    detector: str = DETECTORS[0],
    terms: frozenset[str] | None = None,
    limit: int | None = None,
) -> Photos:
    """Photos of one or more folders, with the faces of their label files or, without any, those a detector finds.

    Args:
        photos: folders.
        labels: a label file for each folder, in the same order, or none at all.
        skipped: gets a sentence for every picture that cannot be used.
        detector: its name; loaded only if there are no labels.
        terms: take only pictures under these terms, as the labels name them.
        limit: take only so many pictures, from every folder its share.

    Raises:
        UserError: another number of label files than of folders, terms without labels, an unknown detector, or as
            `from_labels` and `from_detector`.
    """
    if labels and len(labels) != len(photos):
        raise UserError(
            "give one label file for each photo folder, in the same order, or none: "
            f"got {len(labels)} for {len(photos)}",
            options=("labels",),
        )
    if terms and not labels:
        raise UserError(
            "pictures are chosen by terms that a label file states of each: name one", options=("terms", "labels")
        )
    opened = None if labels else open_detector(detector)
    parts = []
    for index, (folder, share) in enumerate(zip(photos, _shares(photos, limit), strict=True)):
        if share == 0:  # a small folder under a small limit
            continue
        if opened:
            parts.append(from_detector(folder, opened, skipped, share))
        else:
            parts.append(from_labels(folder, labels[index], skipped, terms, share))
    return Photos(itertools.chain.from_iterable(parts), sum(part.total or 0 for part in parts))


def _shares(folders: Sequence[Path], limit: int | None) -> list[int | None]:
    """How many pictures to take of each folder, by the number of its pictures."""
    if limit is None:
        return [None] * len(folders)
    counts = [len(find_pictures(folder)) for folder in folders]
    ends = [round(min(limit, sum(counts)) * end / sum(counts)) for end in itertools.accumulate(counts)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def from_synthetic(count: int, seed: int = 0, size: int = 192, split: str | None = None) -> Photos:
    """Drawn face scenes, `size` x `size` pixels; every scene is a source picture of its own, labelled with `split`."""
    return Photos(_scenes(count, seed, size, split), count)


def with_scenes(photos: Photos, count: int, *, seed: int, size: int) -> Photos:
    """Photos, and drawn scenes after them: where labels name splits, the scenes are for training."""
    scenes = from_synthetic(count, seed, size, split="train")
    return Photos(itertools.chain(photos, scenes), None if photos.total is None else photos.total + count)


def _scenes(count: int, seed: int, size: int, split: str | None) -> Iterator[LabelledPhoto]:
    from edgeblur.distill.data.synthetic import synthetic_scenes

    for name, picture, faces in synthetic_scenes(count, seed, size):
        yield LabelledPhoto(name, name, picture, faces, split, licence="drawn by edgeblur", terms="cc0")


@dataclass(frozen=True)
class Source:
    """What `--source` names.

    Attributes:
        kind: `synthetic` or `tfds`.
        name: the data set, for `tfds`.
        count: how many scenes, for `synthetic`.
    """

    kind: str
    name: str | None = None
    count: int | None = None


def _parse_synthetic(value: str) -> Source | None:
    return Source("synthetic", count=int(value)) if value.isdecimal() and int(value) > 0 else None


def _parse_tfds(value: str) -> Source | None:
    return Source("tfds", name=value) if value in TFDS_NAMES else None


_PARSERS: dict[str, Callable[[str], Source | None]] = {"synthetic": _parse_synthetic, "tfds": _parse_tfds}


def parse_source(text: str) -> Source:
    """Understand `synthetic:600`, `tfds:wider_face` or `tfds:celeb_a`.

    Raises:
        UserError: it is none of these; the sentence lists what is known.
    """
    kind, _, value = text.partition(":")
    source = _PARSERS[kind](value) if kind in _PARSERS else None
    if source is None:
        known = " or ".join(["synthetic:600 (or another count)", *(f"tfds:{name}" for name in TFDS_NAMES)])
        raise UserError(
            f"there is no source {text!r}: choose {known}; a folder of photos is no source", options=("source",)
        )
    return source


def open_source(source: Source, *, seed: int = 0, size: int = 192, limit: int | None = None) -> Photos:
    """The photos of a parsed source.

    Args:
        source: from `parse_source`.
        seed: of the drawn scenes.
        size: of the drawn scenes, in pixels.
        limit: pictures at most; a public data set can have 200,000.

    Raises:
        UserError: as `from_tfds`.
    """
    if source.count is not None:
        return from_synthetic(source.count if limit is None else min(source.count, limit), seed, size)
    return from_tfds(source.name or "", limit)
