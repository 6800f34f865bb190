"""A data set in the thesis's layout, read: train/ train_blur/ train_mask/ val/ ... and manifest.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgeblur.errors import UserError
from edgeblur.files import read_json
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels, load_picture, resize

T = TypeVar("T")

SPLITS = ("train", "val", "test")
_LARGEST_SIDE = 65_535  # pixels: JPEG's own limit


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """At most `limit` items, evenly spread: neighbours in a folder are often crops of one photo."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


@dataclass(frozen=True)
class Sample:
    """One picture of a data set, with the same file name in the three folders of its split."""

    root: Path
    split: str
    name: str
    source: str
    faces: tuple[Face, ...]

    @property
    def picture(self) -> Path:
        """The untouched picture."""
        return self.root / self.split / self.name

    @property
    def blur(self) -> Path:
        """The picture with its faces blurred: what a model should put out."""
        return self.root / f"{self.split}_blur" / self.name

    @property
    def mask(self) -> Path:
        """Where it was blurred, 255 for fully."""
        return self.root / f"{self.split}_mask" / self.name


@dataclass(frozen=True)
class Triple:
    """A sample's three pictures at one size: `[h, w, 3]`, `[h, w, 3]`, `[h, w]` bytes, faces scaled along."""

    picture: Pixels
    blur: Pixels
    mask: Pixels
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Dataset:
    """A data set on disk."""

    root: Path
    size: int
    samples: tuple[Sample, ...]
    manifest: dict[str, Any]

    def split(self, name: str) -> list[Sample]:
        """The samples of `train`, `val` or `test`, in order."""
        return [s for s in self.samples if s.split == name]

    def load(self, sample: Sample, size: tuple[int, int] | None = None) -> Triple:
        """Read a sample's three pictures, resized to `(width, height)` if that is given.

        Raises:
            UserError: one of the three is missing or is no picture.
        """
        width, height = size or (self.size, self.size)
        picture, blur, mask = (
            np.asarray(resize(load_picture(p), width, height)) for p in (sample.picture, sample.blur, sample.mask)
        )
        wide, tall = width / self.size, height / self.size  # a model that is not square sees them stretched
        return Triple(picture, blur, mask[..., 0], tuple(f.moved(0, 0, wide, tall) for f in sample.faces))


def open_dataset(root: Path) -> Dataset:
    """Read a data set's manifest.

    Raises:
        UserError: the folder has none, or it is damaged.
    """
    path = root / "manifest.json"
    if not path.is_file():
        raise UserError(f"{root} is no data set (it has no manifest.json): make one with `edgeblur data make`")
    manifest = read_json(path)
    try:
        samples = tuple(
            Sample(root, s["split"], s["name"], s["source"], tuple(Face.from_json(f) for f in s["faces"]))
            for s in manifest["samples"]
        )
        if not 1 <= (size := int(manifest["size"])) <= _LARGEST_SIDE:
            raise ValueError(f"pictures of {size} pixels")
        return Dataset(root, size, samples, manifest)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error!r}): make the data set again") from error
