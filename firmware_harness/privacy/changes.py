"""Where a model blurred: the changed region against the face mask, and blurs where no face is.

The changed region of a picture is where |output - input|, averaged over the colours and over a square of 5x5 pixels,
exceeds 10/255. That works alike for a net that gives unblurred pixels back byte by byte and for one that paints every
pixel anew with a small error. On 80 test pictures the target's own region meets its mask with an IoU of 0.89
(thresholds of 6 to 12 and squares of 5 to 9 pixels: 0.82 to 0.89), and no face-free picture has one. It cannot see a
blur of what is smooth already, so even the target does not reach 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeblur.pictures.images import Pixels
from edgeblur.pictures.metrics import INSIDE, OUTSIDE
from edgeblur.records import Record

WINDOW_PX = 5
"""Side of the square over which a change is averaged."""
CHANGE = 10
"""Mean absolute change, of 255, from which a pixel belongs to the changed region."""
FALSE_BLUR_PX = 64
"""A changed region away from every face counts as a false blur from so many pixels on (8x8)."""

_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Definition:
    """What counted as a change, and as a false blur."""

    window_px: int = WINDOW_PX
    change_of_255: int = CHANGE
    false_blur_px: int = FALSE_BLUR_PX


@dataclass(frozen=True)
class Changes(Record):
    """Where a model blurred, over one picture or several.

    Attributes:
        pictures: how many were compared.
        with_faces: those that have a face, that is a pixel well inside a mask.
        region_iou: intersection over union of the changed region and the mask, the mean over pictures with faces;
            None if there is none.
        false_blurs: connected changed regions of at least `FALSE_BLUR_PX` pixels that touch no face's mask.
        definition: the thresholds.
    """

    KEYS: ClassVar = ("pictures", "with_faces", "region_iou", "false_blurs", "false_blurs_a_picture", "definition")
    DIGITS: ClassVar = {"region_iou": 4, "false_blurs_a_picture": 4}

    pictures: int
    with_faces: int
    region_iou: float | None
    false_blurs: int
    definition: Definition = Definition()

    @property
    def false_blurs_a_picture(self) -> float:
        """How many false blurs a picture has in the mean."""
        return self.false_blurs / self.pictures


def changed_region(before: Pixels, after: Pixels) -> _Bools:
    """Where an output differs from its input by more than `CHANGE` of 255 over a small square.

    Args:
        before: the input, bytes `[height, width, 3]`.
        after: the output, the same shape.

    Returns:
        `[height, width]`.
    """
    change = np.abs(before.astype(np.int16) - after).mean(-1)
    half = WINDOW_PX // 2
    sums = np.pad(np.pad(change, half, mode="edge").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    k = WINDOW_PX
    total = sums[k:, k:] - sums[:-k, k:] - sums[k:, :-k] + sums[:-k, :-k]
    exceeded: _Bools = total > CHANGE * k * k + 1e-6  # sums of floats: a change of exactly CHANGE stays below
    return exceeded


def connected_regions(region: _Bools) -> NDArray[np.int64]:
    """Number the regions of pixels that touch side by side: `[height, width]`, 0 for none, then 1, 2, ...

    Every pixel takes the largest number among itself and its neighbours until nothing changes; few rounds do for
    the blobs that blurs are, and no package is needed.
    """
    labels = np.where(region, np.arange(1, region.size + 1).reshape(region.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        around = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
        grown = np.where(region, np.maximum.reduce([labels, *around]), 0)
        if np.array_equal(grown, labels):
            break
        labels = grown
    numbered: NDArray[np.int64] = np.unique(np.append(0, labels), return_inverse=True)[1][1:].reshape(region.shape)
    return numbered


def false_blurs(region: NDArray[np.bool_], mask: Pixels) -> tuple[NDArray[np.bool_], ...]:
    """The connected parts of a changed region, of at least `FALSE_BLUR_PX` pixels, that touch no face's mask.

    Args:
        region: `[height, width]`, from `changed_region`.
        mask: bytes `[height, width]`, 255 where a face should be blurred.

    Returns:
        Each part by itself, `[height, width]`.
    """
    labels = connected_regions(region)
    sizes = np.bincount(labels.ravel())
    at_a_face = np.unique(labels[mask >= OUTSIDE])
    false = [n for n, size in enumerate(sizes) if n and size >= FALSE_BLUR_PX and n not in at_a_face]
    return tuple(labels == n for n in false)


def changes(before: Pixels, after: Pixels, mask: Pixels) -> Changes:
    """Compare where an output was blurred with where its faces are.

    Args:
        before: the input, bytes `[height, width, 3]`.
        after: the output, the same shape.
        mask: bytes `[height, width]`, 255 where a face should be blurred.

    Raises:
        ValueError: the shapes do not belong together.
    """
    if before.shape != after.shape or before.shape[:2] != mask.shape:
        raise ValueError(f"shapes do not match: {before.shape}, {after.shape}, {mask.shape}")
    region, faces = changed_region(before, after), mask >= INSIDE
    iou = float((region & faces).sum() / (region | faces).sum()) if faces.any() else None
    return Changes(1, int(faces.any()), iou, len(false_blurs(region, mask)))


def mean_changes(single: Sequence[Changes]) -> Changes:
    """Put the changes of single pictures together."""
    ious = [one.region_iou for one in single if one.region_iou is not None]
    return Changes(
        sum(one.pictures for one in single),
        sum(one.with_faces for one in single),
        sum(ious) / len(ious) if ious else None,
        sum(one.false_blurs for one in single),
    )
