"""Leak rate and over-blur: how many faces are still found in the output, and what was changed without need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image

from edgeblur.detectors.detector import Detector
from edgeblur.firmware_harness.privacy.intervals import interval_json
from edgeblur.firmware_harness.privacy.judges import THRESHOLD, Judge
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.pictures.metrics import OUTSIDE
from edgeblur.records import Record

SIZE_LIMITS_PX = (16, 32, 64)
"""Between the bins of a leak rate: the longer side of a face's box, in pixels of the judged picture."""
VISIBLE_CHANGE = 2 / 255
"""Mean absolute change of a whole picture, 0 to 1, from which an eye sees it."""


@dataclass(frozen=True)
class SizeLeak(Record):
    """The leak rate of faces between two sizes.

    Attributes:
        from_px: the smallest longer side of a face's box in this bin.
        below_px: where the bin ends, None for no end.
        faces: labelled faces of this size.
        leaked: those still found.
    """

    KEYS: ClassVar = ("from_px", "below_px", "faces", "leaked", "rate", "interval")
    DIGITS: ClassVar = {"rate": 4}

    from_px: float
    below_px: float | None
    faces: int
    leaked: int

    @property
    def rate(self) -> float | None:
        """Share of the faces still found, None if there is no face of this size."""
        return self.leaked / self.faces if self.faces else None

    @property
    def interval(self) -> list[float] | None:
        """The 95 % confidence interval of the rate, rounded; None if there was no face to find."""
        return interval_json(self.leaked, self.faces)


@dataclass(frozen=True)
class Leak(Record):
    """The share of labelled faces that a detector still finds at their place in the output.

    Attributes:
        detector: who looked.
        threshold: the score from which a finding counts.
        min_iou: how much a finding must overlap a label's box to be that face.
        min_side_px: faces with a smaller longer side were not counted.
        by_size: the same by the face's size, smallest first; every bin is there.
        enlarged: factor by which the pictures were enlarged before the detector saw them.
    """

    KEYS: ClassVar = ("detector", "threshold", "enlarged", "min_iou", "min_side_px", "faces", "leaked", "rate",
                      "interval", "by_size")  # fmt: skip
    SPARSE: ClassVar = ("enlarged",)
    DIGITS: ClassVar = {"rate": 4}

    detector: str
    threshold: float
    min_iou: float
    min_side_px: float
    by_size: tuple[SizeLeak, ...]
    enlarged: int = 1

    @property
    def judge(self) -> str:
        """Who looked, as people type it."""
        return str(Judge(self.detector, self.threshold, self.enlarged))

    @property
    def faces(self) -> int:
        """Labelled faces that were looked for."""
        return sum(size.faces for size in self.by_size)

    @property
    def leaked(self) -> int:
        """Labelled faces that were still found."""
        return sum(size.leaked for size in self.by_size)

    @property
    def rate(self) -> float | None:
        """The leak rate, 0 to 1; None if there was no face to find."""
        return self.leaked / self.faces if self.faces else None

    @property
    def interval(self) -> list[float] | None:
        """The 95 % confidence interval of the rate, rounded; None if there was no face to find."""
        return interval_json(self.leaked, self.faces)


def size_bins(min_side_px: float) -> list[tuple[float, float]]:
    """The bins of face sizes, each from the first number to below the second, which may be infinite."""
    edges = (min_side_px, *(limit for limit in SIZE_LIMITS_PX if limit > min_side_px), math.inf)
    return list(itertools.pairwise(edges))


def leak_rate(
    detector: Detector,
    pictures: Iterable[tuple[Pixels, tuple[Face, ...]]],
    *,
    threshold: float = THRESHOLD,
    min_iou: float = 0.3,
    min_side_px: float = 8,
) -> Leak:
    """Look for labelled faces in a model's outputs.

    The same call with the untouched pictures says what the detector finds at all: the rate to compare with.

    Args:
        detector: how small pictures are enlarged for it is its own affair.
        pictures: outputs `[height, width, 3]` with the faces of their inputs, in the same pixels.
        threshold: the score from which a finding counts.
        min_iou: overlap of a finding with a label's box.
        min_side_px: smaller faces are not counted: nobody is recognised by them, and detectors miss them anyway.
    """
    return leak_rates(detector, pictures, (threshold,), min_iou=min_iou, min_side_px=min_side_px)[0]


def leak_rates(
    detector: Detector,
    pictures: Iterable[tuple[Pixels, tuple[Face, ...]]],
    thresholds: Sequence[float],
    *,
    enlarged: int = 1,
    min_iou: float = 0.3,
    min_side_px: float = 8,
) -> tuple[Leak, ...]:
    """The same at several thresholds, with one look at each picture.

    Args:
        detector, pictures, min_iou, min_side_px: as for `leak_rate`.
        thresholds: in the order of the answer.
        enlarged: factor by which each picture is enlarged before the detector sees it; faces keep their sizes.
    """
    bins = size_bins(min_side_px)
    faces, leaked = [0] * len(bins), [[0] * len(bins) for _ in thresholds]
    for pixels, labelled in pictures:
        looked_for = [face for face in labelled if face.box.side >= min_side_px]
        if not looked_for:
            continue  # a detector run costs more than all the rest
        found = _look(detector, pixels, min(thresholds), enlarged)
        for face in looked_for:
            index = next(i for i, (_, below) in enumerate(bins) if face.box.side < below)
            faces[index] += 1
            surest = max((other.score or 0.0 for other in found if face.box.iou(other.box) >= min_iou), default=-1.0)
            for counts, threshold in zip(leaked, thresholds, strict=True):
                counts[index] += surest >= threshold
    return tuple(
        Leak(detector.name, threshold, min_iou, min_side_px, _by_size(bins, faces, counts), enlarged)
        for threshold, counts in zip(thresholds, leaked, strict=True)
    )


def _look(detector: Detector, pixels: Pixels, threshold: float, enlarged: int) -> Sequence[Face]:
    """A detector's findings in the pixels of the picture, which it may see enlarged."""
    picture = Image.fromarray(pixels)
    if enlarged == 1:
        return detector.detect(picture, threshold)
    large = picture.resize((picture.width * enlarged, picture.height * enlarged), Image.Resampling.BICUBIC)
    return [face.moved(0, 0, 1 / enlarged, 1 / enlarged) for face in detector.detect(large, threshold)]


def _by_size(bins: Sequence[tuple[float, float]], faces: Sequence[int], leaked: Sequence[int]) -> tuple[SizeLeak, ...]:
    return tuple(
        SizeLeak(low, None if math.isinf(below) else below, n, hits)
        for (low, below), n, hits in zip(bins, faces, leaked, strict=True)
    )


@dataclass(frozen=True)
class OverBlur(Record):
    """What a model changed where no face was, over one picture or several.

    Attributes:
        pictures: how many were compared.
        mean_change: mean absolute change outside the masks, 0 (nothing) to 1 (black to white); every picture counts
            alike. None if no picture has a pixel outside its mask.
        face_free: pictures without a face, that is with an empty mask.
        face_free_changed: those of them changed by more than 2/255 on average, so that an eye sees it.
    """

    KEYS: ClassVar = ("pictures", "mean_change", "face_free", "face_free_changed", "face_free_changed_rate",
                      "face_free_changed_interval")  # fmt: skip
    DIGITS: ClassVar = {"mean_change": 6, "face_free_changed_rate": 4}

    pictures: int
    mean_change: float | None
    face_free: int
    face_free_changed: int

    @property
    def face_free_changed_rate(self) -> float | None:
        """Share of the face-free pictures that were visibly changed, None if there is none."""
        return self.face_free_changed / self.face_free if self.face_free else None

    @property
    def face_free_changed_interval(self) -> list[float] | None:
        """The 95 % confidence interval of that rate, rounded; None if there is none."""
        return interval_json(self.face_free_changed, self.face_free)


def over_blur(before: Pixels, after: Pixels, mask: Pixels) -> OverBlur:
    """Compare an output with its input outside the faces.

    Args:
        before: the input, bytes `[height, width, 3]`.
        after: the output, the same shape.
        mask: bytes `[height, width]`, 255 where a face was blurred. A pixel below 8 is outside, as for fidelity;
            a picture of which all pixels are outside is face-free.

    Raises:
        ValueError: the shapes do not belong together.
    """
    if before.shape != after.shape or before.shape[:2] != mask.shape:
        raise ValueError(f"shapes do not match: {before.shape}, {after.shape}, {mask.shape}")
    outside = mask < OUTSIDE
    if not outside.any():
        return OverBlur(1, None, 0, 0)
    change = float(np.abs(before[outside].astype(np.int16) - after[outside]).mean()) / 255
    face_free = bool(outside.all())
    return OverBlur(1, change, int(face_free), int(face_free and change > VISIBLE_CHANGE))


def mean_over_blur(single: Sequence[OverBlur]) -> OverBlur:
    """Put the over-blur of single pictures together."""
    changes = [one.mean_change for one in single if one.mean_change is not None]
    return OverBlur(
        sum(one.pictures for one in single),
        sum(changes) / len(changes) if changes else None,
        sum(one.face_free for one in single),
        sum(one.face_free_changed for one in single),
    )
