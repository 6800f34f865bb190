"""Labelled photos become a data set in the thesis's layout."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur import __version__
from edgeblur.distill.data.sources import LabelledPhoto
from edgeblur.errors import UserError
from edgeblur.files import new_folder
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.images import resize, save_picture
from edgeblur.progress import say
from edgeblur.store.dataset import MANIFEST, SPLITS, Dataset, Described, Manifest, Split, open_dataset

_PARTS = tuple(f"{split}{suffix}" for split in SPLITS for suffix in ("", "_blur", "_mask"))
_KEPT_SHARE = 0.5  # of a face's box must be inside the picture to count as a labelled face


@dataclass(frozen=True)
class MakeOptions:
    """How photos become a data set.

    Attributes:
        size: side in pixels of the stored squares; larger than the model's input, so that training can crop.
        shares: train, val and test, as shares of the pictures.
        seed: of the split and of the crops.
        keep_splits: take each label's own split instead of drawing one.
        hold_out: makers whose photos are for validation alone, whatever their labels say: what is chosen on them holds
            for makers that a training never saw.
        style: the blur that models learn.
    """

    size: int = 192
    shares: tuple[float, float, float] = (0.7, 0.2, 0.1)
    seed: int = 0
    keep_splits: bool = False
    hold_out: frozenset[str] = frozenset()
    style: BlurStyle = field(default_factory=BlurStyle)


def square_window(width: int, height: int, faces: tuple[Face, ...], rng: random.Random) -> tuple[int, int, int]:
    """The square of the shorter side that cuts the fewest faces: left, top, side. Ties are drawn."""
    side = min(width, height)
    free = max(width, height) - side
    offsets = sorted({round(free * step / 8) for step in range(9)})

    def kept(offset: int) -> float:
        window = Box(offset, 0, side, side) if width > height else Box(0, offset, side, side)
        return sum(_share_inside(face.box, window) for face in faces)

    best = max(map(kept, offsets))
    offset = rng.choice([o for o in offsets if kept(o) >= best - 1e-6])
    return (offset, 0, side) if width > height else (0, offset, side)


def _share_inside(box: Box, window: Box) -> float:
    overlap_w = min(box.x + box.w, window.x + window.w) - max(box.x, window.x)
    overlap_h = min(box.y + box.h, window.y + window.h) - max(box.y, window.y)
    return max(0.0, overlap_w) * max(0.0, overlap_h) / (box.w * box.h)


def square(photo: LabelledPhoto, size: tuple[int, int], rng: random.Random) -> tuple[Image.Image, tuple[Face, ...]]:
    """Cut a photo square and scale it to `(width, height)`, its faces with it (also those that the border cuts)."""
    left, top, side = square_window(photo.picture.width, photo.picture.height, photo.faces, rng)
    picture = resize(photo.picture.crop((left, top, left + side, top + side)), *size)
    return picture, tuple(face.moved(-left, -top, size[0] / side, size[1] / side) for face in photo.faces)


def labelled(faces: Iterable[Face], size: tuple[int, int]) -> tuple[Face, ...]:
    """Those faces of a picture of `(width, height)` that count, as half of their box is inside or more."""
    window = Box(0, 0, *size)
    return tuple(face for face in faces if _share_inside(face.box, window) >= _KEPT_SHARE)


def assign_splits(groups: list[str], shares: tuple[float, float, float], seed: int) -> dict[str, str]:
    """Give every source picture's group to one split, so that the numbers of pictures come close to the shares.

    Args:
        groups: the group of each picture, as often as it has pictures.

    Raises:
        UserError: fewer groups than splits that want a share.
    """
    sizes = Counter(groups)
    wanted = {split: share for split, share in zip(SPLITS, shares, strict=True) if share > 0}
    if len(sizes) < len(wanted):
        raise UserError(
            f"a split into {len(wanted)} parts needs at least {len(wanted)} source pictures, got {len(sizes)}"
        )
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    total, filled, assigned = len(groups), Counter[str](), dict[str, str]()
    for position, group in enumerate(order):
        empty = [split for split in wanted if not filled[split]]
        candidates = empty if len(empty) >= len(order) - position else list(wanted)
        split = max(candidates, key=lambda s: wanted[s] - filled[s] / total)
        assigned[group] = split
        filled[split] += sizes[group]
    return assigned


def _splits(photos: list[LabelledPhoto], options: MakeOptions) -> list[str]:
    """The split of each photo: of makers that are held out all go to val, and with them other copies of their photos.

    Raises:
        UserError: a maker that is held out has no photo, labels lack a split, or too few photos to split.
    """
    makers = {photo.maker for photo in photos if photo.maker}
    if unknown := options.hold_out - makers:
        found = ", ".join(sorted(makers)) or "no makers at all"
        raise UserError(
            f"held out should be {', '.join(sorted(unknown))}, of whom no photo came; the labels name {found}",
            options=("hold_out",),
        )
    held = {photo.group for photo in photos if photo.maker in options.hold_out}
    rest = [photo for photo in photos if photo.group not in held]
    if held and not rest:
        raise UserError(
            "all makers there are would be held out, so that nothing is left to train on: leave one out",
            options=("hold_out",),
        )
    if options.keep_splits:
        assigned = _own_splits(rest)
    else:
        assigned = assign_splits([photo.group for photo in rest], options.shares, options.seed)
    return ["val" if photo.group in held else assigned[photo.group] for photo in photos]


def _own_splits(photos: list[LabelledPhoto]) -> dict[str, str]:
    """The split that each label names, by the photo's group.

    Raises:
        UserError: a label names none.
    """
    by_group: dict[str, str] = {}
    for photo in photos:
        if photo.split not in SPLITS:
            raise UserError(
                f"splits by label need a split (train, val or test) in every label; {photo.source} has none",
                options=("split",),
            )
        # One photo may never be in two splits: later crops follow the first one.
        by_group.setdefault(photo.group, photo.split)
    return by_group


def make_dataset(photos: Iterable[LabelledPhoto], out: Path, options: MakeOptions, *, force: bool = False) -> Dataset:
    """Write a data set: every photo cut square, its faces blurred, split by source picture.

    Args:
        photos: pictures with their faces, any size.
        out: the new folder; written whole or not at all.

    Raises:
        UserError: `out` is not empty, no photo came, or too few to split.
        RunError: the disk is full.
    """
    with new_folder(out, force=force, marker=MANIFEST, ours=(MANIFEST, *_PARTS)) as folder:
        stored, too_small = [], 0
        for number, photo in enumerate(photos, start=1):
            picture, faces = square(
                photo, (options.size, options.size), random.Random(f"{options.seed} {number} {photo.source}")
            )
            blurred, mask = blur_faces(picture, faces, options.style)
            name = f"{number:05d}.jpg"
            for part, pixels in (("picture", np.asarray(picture)), ("blur", np.asarray(blurred)), ("mask", mask)):
                save_picture(folder / ".all" / part / name, pixels)
            stored.append((_without_picture(photo), _entry(name, photo, faces, options.size)))
            too_small += sum(not _is_visible(face) for face in faces)
        if not stored:
            raise UserError("no photo came in, so there is no data set to make")
        if too_small:
            were = "1 face was" if too_small == 1 else f"{too_small} faces were"
            say(f"{were} blurred, but left out of the labels: smaller than a tenth of a pixel here")
        _sort_into_splits(folder, stored, options)
    return open_dataset(out)


def _without_picture(photo: LabelledPhoto) -> LabelledPhoto:
    """Keep the labels, let go of the pixels: a data set need not fit into memory."""
    return replace(photo, picture=Image.new("RGB", (1, 1)), faces=())


def _is_visible(face: Face) -> bool:
    """Whether a face has sides, as the manifest has them, when a large photo was made small."""
    stored = face.as_json()
    return min(*stored["box"][2:], *stored["ellipse"][2:4]) > 0


def _entry(name: str, photo: LabelledPhoto, faces: tuple[Face, ...], size: int) -> Described:
    """What the manifest says of a picture; its split is not known yet."""
    kept = tuple(face for face in labelled(faces, (size, size)) if _is_visible(face))
    return Described(name, kept, photo.source, photo.group, photo.licence, photo.terms, "train", photo.maker)


def _sort_into_splits(folder: Path, stored: list[tuple[LabelledPhoto, Described]], options: MakeOptions) -> None:
    """Move the stored pictures into the nine folders, numbered from 00001 in each split, and write the manifest."""
    splits = _splits([photo for photo, _ in stored], options)
    for part in _PARTS:
        (folder / part).mkdir()
    by_name: dict[str, Split] = {split: split for split in SPLITS}
    entries: dict[Split, list[Described]] = defaultdict(list)
    for split, (_, entry) in zip((by_name[name] for name in splits), stored, strict=True):
        name = f"{len(entries[split]) + 1:05d}.jpg"
        for part, suffix in (("picture", ""), ("blur", "_blur"), ("mask", "_mask")):
            (folder / ".all" / part / entry.name).rename(folder / f"{split}{suffix}" / name)
        entries[split].append(replace(entry, name=name, split=split))
    for part in ("picture", "blur", "mask"):
        (folder / ".all" / part).rmdir()
    (folder / ".all").rmdir()
    samples = tuple(entry for split in SPLITS for entry in entries[split])
    Manifest(options.size, samples, options.seed, options.style, __version__, tuple(sorted(options.hold_out))).write(
        folder / MANIFEST
    )
