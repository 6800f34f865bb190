"""Faces that sequences of frames leave open: a way to hold frames beside `buffer`, by kind of movement and by speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import Blurrer, Find, alpha
from edgeblur.firmware_harness.privacy.judges import OpenJudge
from edgeblur.firmware_harness.privacy.leaks import leak_rates
from edgeblur.firmware_harness.privacy.sequences import Bare, Clip, clips
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.progress import track
from edgeblur.records import Record

if TYPE_CHECKING:
    from edgeblur.distill.data.photos import LabelledPhoto

SPEEDS = (0.0, 0.25, 0.5)
"""Of sequences, in face widths a frame."""

MOST_TIMES = 1.2
"""A way to hold frames may leave so many times as many faces open as `buffer`."""

OPEN = "veiled below 80 %"
"""The judge that needs no detector: a face of which less than this share of its ellipse is veiled."""

SMALLEST = 16 / 128
"""Of a photo's longer side: smaller faces are too coarse to be filmed close by."""

_Key = tuple[str, str, str, float]
_HALF = 128  # of a veil's strength, 0 to 256


@dataclass(frozen=True)
class FilmedCount(Record):
    """Faces in sequences of one kind and speed.

    Attributes:
        hold: how frames are held.
        judge: who looks for faces, or `OPEN`.
        kind: of movement, as `Clip` has it.
        speed: the same.
        faces: in all frames but each sequence's first.
        leaked: of them still found, or open.
    """

    hold: str
    judge: str
    kind: str
    speed: float
    faces: int
    leaked: int


@dataclass(frozen=True)
class Filmed(Record):
    """What a way to hold frames leaves open in sequences, beside `buffer`.

    Attributes:
        hold: the way.
        photos: that sequences were made of.
        sequences: how many.
        counts: of both ways, by judge, kind and speed.
    """

    KEYS: ClassVar = ("hold", "photos", "sequences", "ratios")

    hold: str
    photos: int
    sequences: int
    counts: tuple[FilmedCount, ...]

    @property
    def judges(self) -> tuple[str, ...]:
        """All that looked, in their order."""
        return tuple(dict.fromkeys(each.judge for each in self.counts))

    @property
    def ratios(self) -> dict[str, float]:
        """By judge, leaks of this way to hold frames beside those of `buffer`; absent where `buffer` has none."""
        pairs = {judge: (self.total(self.hold, judge), self.total("buffer", judge)) for judge in self.judges}
        return {
            judge: round(own[0] * other[1] / (own[1] * other[0]), 3)
            for judge, (own, other) in pairs.items()
            if own[1] and other[0]
        }

    def total(self, hold: str, judge: str) -> tuple[int, int]:
        """Leaked and all faces over all sequences."""
        found = [each for each in self.counts if (each.hold, each.judge) == (hold, judge)]
        return sum(each.leaked for each in found), sum(each.faces for each in found)

    def keeps(self, judge: str) -> bool:
        """Whether this way leaks at most `MOST_TIMES` as much as `buffer`."""
        (own, faces), (other, _) = self.total(self.hold, judge), self.total("buffer", judge)
        return faces > 0 and own <= MOST_TIMES * other


def film(
    photos: Iterable[LabelledPhoto], plan: VeilPlan, find: Find, judges: Sequence[OpenJudge], *,
    source: str, min_side_px: float, every: int = 1,
) -> Filmed:  # fmt: skip
    """Make sequences of labelled photos, veil them as `plan` says and as `buffer` does, and look for their faces.

    Args:
        photos: of which those with a face of an eighth of their side are filmed.
        plan: of frames in `rgb888`, held in some way.
        find: the finder.
        judges: who looks; whether a face is veiled at all is always judged.
        source: of the photos, for messages.
        min_side_px: smaller faces, in pixels of a frame, are not judged.
        every: judges look at one of so many frames; `OPEN` is counted in all.

    Raises:
        UserError: no photo has such a face.
    """
    filmed = [photo for photo in photos if any(_is_near(face, photo) for face in photo.faces)]
    if not filmed:
        raise UserError(f"{source} has no face that is an eighth of its photo's side or more: nobody can be filmed")
    plans = [replace(plan, hold="buffer", options=replace(plan.options, margin=0, share=0, memory=0))]
    plans += [plan] if plan.hold != "buffer" else []
    faces, leaked, sequences = Counter[_Key](), Counter[_Key](), 0
    for seed, photo in enumerate(track(filmed, "filming")):
        for clip in clips(photo.picture, photo.faces, (plan.width, plan.height), SPEEDS, seed):
            sequences += 1
            for each in plans:
                for judge, seen, still in _looked(list(_shown(clip, each, find)), judges, min_side_px, every):
                    key = each.hold, judge, clip.kind, clip.speed
                    faces[key], leaked[key] = faces[key] + seen, leaked[key] + still
    counts = tuple(FilmedCount(*key, faces[key], leaked[key]) for key in faces)
    return Filmed(plan.hold, len(filmed), sequences, counts)


def _is_near(face: Face, photo: LabelledPhoto) -> bool:
    return face.box.side >= SMALLEST * max(photo.picture.size)


@dataclass(frozen=True)
class _Shown:
    """A frame as it leaves: the picture, what is veiled at least half, and the faces in it."""

    picture: Pixels
    veiled: NDArray[np.bool_]
    faces: tuple[Face, ...]


def _shown(clip: Clip, plan: VeilPlan, find: Find) -> Iterator[_Shown]:
    """All frames of a sequence but its first, which is grey where the frame before counts."""
    blurrer = Blurrer(plan, find)
    for number, frame in enumerate(clip.frames):
        before = blurrer.held
        out = blurrer.blur(frame.picture.reshape(plan.height, -1)).reshape(frame.picture.shape)
        held = before if plan.hold == "live" else blurrer.held
        if number > 0 and held is not None:
            yield _Shown(out, alpha(held, plan) >= _HALF, frame.faces)


def _looked(
    shown: list[_Shown], judges: Sequence[OpenJudge], min_side_px: float, every: int
) -> Iterator[tuple[str, int, int]]:
    """Each judge's name, how many faces there were, and how many of them it found."""
    bare = Bare()
    for each in shown:
        bare = bare.seen(each.veiled, tuple(face for face in each.faces if face.box.side >= min_side_px))
    yield OPEN, bare.faces, bare.open_fifth
    pairs = [(each.picture, each.faces) for each in shown[every - 1 :: every]]
    for judge in judges:
        (leak,) = leak_rates(
            judge.detector, pairs, (judge.judge.threshold,), enlarged=judge.judge.enlarged, min_side_px=min_side_px
        )
        yield str(judge.judge), leak.faces, leak.leaked
