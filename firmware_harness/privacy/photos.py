"""Labelled photos that privacy is measured on: a data set's test split, or any folder of photos with a label file."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import load_picture
from edgeblur.progress import track
from edgeblur.store.dataset import Dataset, Sample, Triple, evenly, open_dataset

if TYPE_CHECKING:
    from edgeblur.distill.data.photos import LabelledPhoto

_SEED = 0


@dataclass(frozen=True)
class PrivacyPhotos:
    """Photos at a model's size, with their faces, masks and targets.

    Attributes:
        description: what they are, for people.
        triples: photo, target, mask and labelled faces.
        style: the blur of the targets.
        dataset: whose test split they are; None for photos with a label file.
        skipped: a sentence for each picture that could not be used.
    """

    description: str
    triples: tuple[Triple, ...]
    style: BlurStyle
    dataset: Dataset | None = None
    skipped: tuple[str, ...] = ()

    @property
    def face_free(self) -> int:
        """Photos without a labelled face."""
        return sum(not triple.faces for triple in self.triples)


def dataset_style(dataset: Dataset) -> BlurStyle:
    """The blur that a data set was made with."""
    return dataset.manifest.blur or BlurStyle()


def photos_of_dataset(
    root: Path, size: tuple[int, int], limit: int | None = None, *, in_shape: bool = False
) -> PrivacyPhotos:
    """The test split of a data set, each picture resized to `(width, height)`.

    Args:
        root: of the data set.
        size: of a model's input.
        limit: at most so many, evenly spread.
        in_shape: cut their middle in the shape of `size` instead, as a camera would frame it.

    Raises:
        UserError: no data set there, or its test split is empty.
    """
    dataset = open_dataset(root)
    samples, style = _split(dataset, "test", limit), dataset_style(dataset)
    if in_shape:
        triples = [_triple(photo, size, style, in_shape) for photo in _labelled(dataset, samples)]
    else:
        triples = [dataset.load(sample, size) for sample in track(samples, "reading photos")]
    return PrivacyPhotos(f"test split of {root}", tuple(triples), style, dataset)


def labelled_of_dataset(root: Path, split: str = "test", limit: int | None = None) -> Iterator[LabelledPhoto]:
    """The photos of a split at the size that the data set keeps them, with their faces.

    Raises:
        UserError: no data set there, or the split is empty.
    """
    dataset = open_dataset(root)
    return _labelled(dataset, _split(dataset, split, limit))


def _split(dataset: Dataset, split: str, limit: int | None) -> list[Sample]:
    samples = evenly(dataset.split(split), limit)
    if not samples:
        raise UserError(f"the data set {dataset.root} has no picture in its {split} split: make it from more photos")
    return samples


def _labelled(dataset: Dataset, samples: Sequence[Sample]) -> Iterator[LabelledPhoto]:
    from edgeblur.distill.data.photos import LabelledPhoto

    for sample in track(samples, "reading photos"):
        yield LabelledPhoto(sample.source, sample.source, load_picture(sample.picture), sample.faces, sample.split)


def photos_with_labels(
    photos: Path, labels: Path, size: tuple[int, int], limit: int | None = None, *, in_shape: bool = False
) -> PrivacyPhotos:
    """Any photos with a label file, cut to squares as `edgeblur data make` does, then resized to `(width, height)`.

    Args:
        photos: the folder that the label file's names are relative to.
        labels: JSON Lines, one picture a line: `{"file": "a.jpg", "faces": [[x, y, w, h]]}` and more.
        size: of a model's input.
        limit: at most so many, evenly spread.
        in_shape: cut their middle in the shape of `size` instead, as a camera would frame it.

    Raises:
        UserError: the folder or the label file is missing or damaged, or not one picture could be used.
    """
    from edgeblur.distill.data.labels import from_labels  # the one reader of label files

    skipped: list[str] = []
    found = from_labels(photos, labels, skipped, None, limit)
    style = BlurStyle()
    triples = [_triple(photo, size, style, in_shape) for photo in track(found, "reading photos", found.total)]
    return PrivacyPhotos(
        f"photos of {photos} with the labels of {labels}", tuple(triples), style, skipped=tuple(skipped)
    )


def _framed(photo: LabelledPhoto, size: tuple[int, int]) -> tuple[Image.Image, tuple[Face, ...]]:
    """The largest part of a photo in the middle that has a frame's shape, at the frame's size."""
    width, height = photo.picture.size
    scale = max(size[0] / width, size[1] / height)
    left, top = (width - size[0] / scale) / 2, (height - size[1] / scale) / 2
    box = (left, top, left + size[0] / scale, top + size[1] / scale)
    picture = photo.picture.resize(size, Image.Resampling.LANCZOS, box=box)
    return picture, tuple(face.moved(-left, -top, scale) for face in photo.faces)


def _triple(photo: LabelledPhoto, size: tuple[int, int], style: BlurStyle, in_shape: bool) -> Triple:
    from edgeblur.distill.data.make import labelled, square

    if in_shape:
        picture, faces = _framed(photo, size)
    else:
        picture, faces = square(photo, size, random.Random(f"{_SEED} {photo.source}"))
    blurred, mask = blur_faces(picture, faces, style)
    return Triple(np.asarray(picture), np.asarray(blurred), mask, labelled(faces, size))
