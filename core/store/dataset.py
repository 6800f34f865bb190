"""A data set in the thesis's layout, read: train/ train_blur/ train_mask/ val/ ... and manifest.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

import numpy as np

from edgeblur.errors import UserError
from edgeblur.pictures.blur import BlurStyle
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels, load_picture, resize
from edgeblur.records import Record

T = TypeVar("T")

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
MANIFEST = "manifest.json"
_LARGEST_SIDE = 65_535  # pixels: JPEG's own limit


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """At most `limit` items, evenly spread: neighbours in a folder are often crops of one photo."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


@dataclass(frozen=True)
class Counts:
    """Pictures of each split."""

    train: int
    val: int
    test: int


@dataclass(frozen=True)
class Described:
    """A picture of a data set as the manifest has it.

    Attributes:
        name: of its three files.
        faces: in pixels of the stored square.
        source: the photo that it was made of.
        group: of pictures that are crops or copies of one photo: they stay in one split.
        licence, terms: of the photo, as far as they are known.
        split: where it lies.
        maker: of the photo, as far as that is known.
    """

    name: str
    faces: tuple[Face, ...]
    source: str
    group: str | None
    licence: str | None
    terms: str | None
    split: Split
    maker: str | None = None


@dataclass(frozen=True)
class Manifest(Record):
    """manifest.json.

    Attributes:
        size: side of the stored squares, in pixels.
        samples: the pictures, split by split.
        seed: of the split and of the crops.
        blur: that the targets were made with; None for a data set that others made.
        edgeblur: the version that made it.
        hold_out: makers whose photos are all in the val split.
    """

    KEYS: ClassVar = ("edgeblur", "size", "seed", "hold_out", "blur", "counts", "samples")
    SPARSE: ClassVar = ("hold_out",)
    REMEDY: ClassVar = "make the data set again"

    size: int
    samples: tuple[Described, ...]
    seed: int | None = None
    blur: BlurStyle | None = None
    edgeblur: str | None = None
    hold_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.size <= _LARGEST_SIDE:
            raise ValueError(f"size should be 1 to {_LARGEST_SIDE} pixels, but is {self.size}")

    @property
    def counts(self) -> Counts:
        """Pictures of each split."""
        train, val, test = (sum(sample.split == split for sample in self.samples) for split in SPLITS)
        return Counts(train, val, test)


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
        """The picture with its faces blurred: what a model should output."""
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
    manifest: Manifest

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
    path = root / MANIFEST
    if not path.is_file():
        raise UserError(f"{root} is not a data set (it has no {MANIFEST}): make one with `edgeblur data make`")
    manifest = Manifest.read(path)
    samples = tuple(Sample(root, each.split, each.name, each.source, each.faces) for each in manifest.samples)
    return Dataset(root, manifest.size, samples, manifest)
