"""What a model is validated on: photos, a data set's test split, or seeded random pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import ImageModel, require_photos
from edgeblur.pictures.images import Pixels, find_pictures, readable_pictures, resize
from edgeblur.store.dataset import Dataset, Sample, evenly, open_dataset

RANDOM_PICTURES = 10
BOARD_PICTURES = 5
_SEED = 0


@dataclass(frozen=True)
class Probe:
    """One picture for a model.

    Attributes:
        picture: `[h, w, 3]` bytes at the size of the model's input.
        target: `[h, w, 3]` bytes at the size of its output: the picture with its faces blurred, if known.
        mask: `[h, w]` bytes at the size of its output: where it is blurred, if known.
    """

    picture: Pixels
    target: Pixels | None = None
    mask: Pixels | None = None


@dataclass(frozen=True)
class Inputs:
    """Pictures for a model, loaded one after the other; `probes` can be read once.

    Attributes:
        kind: `photos`, `data` or `random`.
        description: what they are, for people.
        planned: how many there are, the unreadable ones included.
        probes: the pictures.
        skipped: why pictures were passed over, filled while `probes` is read.
    """

    kind: str
    description: str
    planned: int
    probes: Iterator[Probe]
    skipped: list[str]


def photo_inputs(folder: Path, model: ImageModel, limit: int | None = None) -> Inputs:
    """Photos of any size, resized to the model's input.

    Raises:
        UserError: no such folder, or no picture in it; and, while they are read, that none of them can be.
    """
    require_photos(model)
    skipped = list[str]()
    paths = evenly(find_pictures(folder, skipped), limit)
    size = model.input.width, model.input.height

    def probes() -> Iterator[Probe]:
        for _, picture in readable_pictures(paths, skipped):
            yield Probe(np.asarray(resize(picture, *size)))

    description = f"photos of {folder}, each resized to {size[0]}x{size[1]}"
    return Inputs("photos", description, len(paths), probes(), skipped)


def _data_probe(dataset: Dataset, sample: Sample, model: ImageModel) -> Probe:
    input_size, output_size = ((end.width, end.height) for end in (model.input, model.output))
    triple = dataset.load(sample, input_size)
    wanted = triple if output_size == input_size else dataset.load(sample, output_size)
    return Probe(triple.picture, wanted.blur, wanted.mask)


def data_inputs(root: Path, model: ImageModel, limit: int | None = None) -> Inputs:
    """The test split of a data set, with targets and masks.

    Raises:
        UserError: no data set there, or its test split is empty.
    """
    require_photos(model)
    dataset = open_dataset(root)
    samples = evenly(dataset.split("test"), limit)
    if not samples:
        raise UserError(f"the data set {root} has no picture in its test split: make it from more photos")
    probes = (_data_probe(dataset, sample, model) for sample in samples)
    resized = (model.input.width, model.input.height) != (dataset.size, dataset.size)
    note = f", resized to {model.input.width}x{model.input.height}" if resized else ""
    return Inputs("data", f"test split of {root}{note}", len(samples), probes, [])


def random_picture(height: int, width: int, seed: int) -> Pixels:
    """A seeded picture `[height, width, 3]`: clouds of noise, from a few large blobs to one value a pixel."""
    random = np.random.default_rng((_SEED, seed))
    grid = (2 << random.integers(0, 8), 2 << random.integers(0, 8))
    noise = random.integers(0, 256, (min(grid[0], height), min(grid[1], width), 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def pick_inputs(model: ImageModel, photos: Path | None, random: int | None, limit: int | None) -> Inputs:
    """What a board is fed with: photos, or so many random pictures, `BOARD_PICTURES` if nothing else is asked for.

    Raises:
        UserError: two kinds of pictures, or no photo there.
    """
    if photos is not None and random is not None:
        raise UserError("a run takes photos or random pictures, not both", options=("photos", "random"))
    if photos is not None:
        return photo_inputs(photos, model, limit)
    count = random if random is not None else BOARD_PICTURES
    return random_inputs(min(count, limit or count), model)


def random_inputs(count: int, model: ImageModel) -> Inputs:
    """`count` seeded random pictures, the same ones each time."""
    probes = (Probe(random_picture(model.input.height, model.input.width, i)) for i in range(count))
    return Inputs("random", f"random pictures, seed {_SEED}", count, probes, [])


def frame_inputs(size: tuple[int, int], photos: Path | None, random: int | None, limit: int | None) -> Inputs:
    """Pictures of a frame's width and height, as `pick_inputs` picks them; photos are cut to its shape.

    Raises:
        UserError: two kinds of pictures, or no photo there.
    """
    if photos is not None and random is not None:
        raise UserError("a run takes photos or random pictures, not both", options=("photos", "random"))
    if photos is None:
        count = min(filter(None, (random or BOARD_PICTURES, limit)))
        probes = (Probe(random_picture(size[1], size[0], i)) for i in range(count))
        return Inputs("random", f"random pictures, seed {_SEED}", count, probes, [])
    paths, skipped = evenly(find_pictures(photos), limit), list[str]()
    cut = (ImageOps.fit(picture, size, Image.Resampling.LANCZOS) for _, picture in readable_pictures(paths, skipped))
    description = f"photos of {photos}, each cut and resized to {size[0]}x{size[1]}"
    return Inputs("photos", description, len(paths), (Probe(np.asarray(picture)) for picture in cut), skipped)
