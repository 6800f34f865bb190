"""Who is it? What a face embedding still says of blurred faces, to an attacker who has a photo of everybody.

*Retrieval*: the gallery holds every labelled face of the clear photos, the query's own photo among them, which is
the strongest gallery there is. A blurred face is looked up; rank-1 is the share whose nearest gallery face is right.
*Parrot attack* (Newton, Sweeney, Malin 2005, "Preserving privacy by de-identifying face images"): the attacker blurs
the gallery with the same model, so that like is compared with like. The query then comes from a second shot of the
photo, or it would be found by being the same bytes; so does the query of the untouched photos. And only the
middle of the face is compared, the rest made grey: two shots of one photo share hair and wall, and by those alone 57
of 64 faces that were painted black were found. Light and skin colour of the two shots are still the same, so this is
an upper bound.

The attacker knows where the face was: every cut is aligned by the labelled box and the landmarks of the clear photo.
Test splits may hold several crops of one photo. A gallery face nearer than `SAME_PHOTO` to the query's own clear face
counts as the right one as well (its crops lie 0.11 to 0.34 apart, 255 faces at 128x128).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.detectors.embedding import SAME_PERSON, FaceEmbedding, Frame, Vectors
from edgeblur.firmware_harness.privacy.leaks import size_bins
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.progress import track
from edgeblur.records import Record
from edgeblur.store.dataset import Triple

SAME_PHOTO = 0.35
"""Distance of two clear faces below which they count as crops of one photo."""
_LARGER, _RIGHT_PX, _DOWN_PX, _DARKER, _QUALITY = 1.04, 2.6, -1.8, 0.92, 75  # of a second shot, against the first
_EDGE = 8  # pixels: of the border's colours around the photo, for what a second shot sees beyond it
_BATCH = 16  # faces, between two steps of the progress bar

Blur = Callable[[Pixels, tuple[Face, ...]], Pixels]
"""What is examined: a picture `[height, width, 3]` and its labelled faces (a net ignores them) to the output."""
_Distances = NDArray[np.float64]


@dataclass(frozen=True)
class SizeRank(Record):
    """Rank-1 of faces between two sizes.

    Attributes:
        from_px, below_px: the longer side of the face's box; None for no end.
        faces: how many were looked up.
        found: how many of those at rank 1.
    """

    KEYS: ClassVar = ("from_px", "below_px", "faces", "found", "rank1")
    DIGITS: ClassVar = {"rank1": 4}

    from_px: float
    below_px: float | None
    faces: int
    found: int

    @property
    def rank1(self) -> float | None:
        """Share of the faces that are found at rank 1, None if there is no face of this size."""
        return self.found / self.faces if self.faces else None


@dataclass(frozen=True)
class Identity(Record):
    """What the embedding says of faces after something was done to them.

    Attributes:
        embedding: its name.
        min_side_px: faces with a smaller longer side are in neither queries nor gallery.
        gallery: faces in it; every one is looked up once.
        chance: rank-1 of an attacker who guesses.
        rank1: share of the queries whose nearest gallery face is the right one.
        parrot_rank1: the same with a gallery blurred alike; None where nothing blurs.
        cosine: mean cosine similarity of a face before and after.
        distance: mean Euclidean distance of a face before and after.
        same_person: share of faces nearer than `same_person_below` to themselves before: dlib would say that it is
            them.
        others_cosine, others_distance: means over pairs of different clear faces, to compare with.
        by_size: rank-1 by the face's size, smallest first.
        same_person_below: a distance.
    """

    KEYS: ClassVar = (
        "embedding", "min_side_px", "gallery", "chance", "rank1", "parrot_rank1", "cosine", "distance", "same_person",
        "same_person_below",
    )  # fmt: skip
    DIGITS: ClassVar = dict.fromkeys(
        ("chance", "rank1", "parrot_rank1", "cosine", "distance", "same_person", "others_cosine", "others_distance"), 4
    )

    embedding: str
    min_side_px: float
    gallery: int
    chance: float
    rank1: float
    parrot_rank1: float | None
    cosine: float
    distance: float
    same_person: float
    others_cosine: float
    others_distance: float
    by_size: tuple[SizeRank, ...]
    same_person_below: float = SAME_PERSON


def second_shot(picture: Pixels, faces: tuple[Face, ...]) -> tuple[Pixels, tuple[Face, ...]]:
    """The photo as if taken again: 4 % larger, moved by 3 pixels, 8 % darker, a JPEG of quality 75; no two bytes stay.

    Args:
        picture: bytes `[height, width, 3]`.
        faces: in its pixels.
    """
    height, width = picture.shape[:2]
    dx, dy = (side * (1 / _LARGER - 1) / 2 + way for side, way in ((width, _RIGHT_PX), (height, _DOWN_PX)))
    padded = Image.fromarray(np.pad(picture, ((_EDGE, _EDGE), (_EDGE, _EDGE), (0, 0)), mode="edge"))
    map_back = (1 / _LARGER, 0, _EDGE - dx, 0, 1 / _LARGER, _EDGE - dy)
    moved = padded.transform((width, height), Image.Transform.AFFINE, map_back, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    moved.point(lambda value: value * _DARKER).save(buffer, "JPEG", quality=_QUALITY)
    return np.asarray(Image.open(buffer)), tuple(face.moved(dx, dy, _LARGER) for face in faces)


@dataclass(frozen=True)
class _Shot:
    """One shot of every photo that has a face to look for, with those faces' frames."""

    pictures: tuple[Pixels, ...]
    faces: tuple[tuple[Face, ...], ...]
    frames: tuple[tuple[Frame, ...], ...]


class Gallery:
    """The clear faces of labelled photos, embedded once, and the look-ups of what models make of them."""

    def __init__(self, photos: Sequence[Triple], embedding: FaceEmbedding, min_side_px: float = 16) -> None:
        """Find and embed the clear faces; takes a second for every eight.

        Args:
            photos: with labelled faces; photos without any are passed over.
            embedding: who compares.
            min_side_px: faces with a smaller longer side are left out.
        """
        self._embedding, self._min_side_px = embedding, min_side_px
        with_faces = [t for t in photos if any(f.box.side >= min_side_px for f in t.faces)]
        again = [second_shot(t.picture, t.faces) for t in with_faces]
        chosen = [[f.box.side >= min_side_px for f in t.faces] for t in with_faces]
        self._first = self._shot([(t.picture, t.faces) for t in with_faces], chosen)
        self._second = self._shot(again, chosen)
        self._sides = [f.box.side for t in with_faces for f in t.faces if f.box.side >= min_side_px]
        self._clear = self._describe(self._first.pictures, self._first, "identity: clear faces")
        apart = _distances(self._clear, self._clear)
        self._same = (apart < SAME_PHOTO) | np.eye(len(apart), dtype=np.bool_)

    @property
    def faces(self) -> int:
        """How many are in it."""
        return len(self._sides)

    @property
    def _tells_apart(self) -> bool:
        return not self._same.all()

    def _shot(self, shots: Sequence[tuple[Pixels, tuple[Face, ...]]], chosen: Sequence[Sequence[bool]]) -> _Shot:
        frames = [
            tuple(self._embedding.frame(picture, face) for face, wanted in zip(faces, wants, strict=True) if wanted)
            for (picture, faces), wants in zip(shots, chosen, strict=True)
        ]
        return _Shot(tuple(p for p, _ in shots), tuple(f for _, f in shots), tuple(frames))

    def _describe(self, outputs: Sequence[Pixels], shot: _Shot, label: str, *, alone: bool = False) -> Vectors:
        """Embed the faces of outputs, with what is around them or the middle `alone`."""
        chips = [
            frame.cut(picture, alone=alone)
            for picture, frames in zip(outputs, shot.frames, strict=True)
            for frame in frames
        ]
        batches = [chips[start : start + _BATCH] for start in range(0, len(chips), _BATCH)]
        return np.concatenate(
            [np.zeros((0, 128)), *(self._embedding.describe(batch) for batch in track(batches, label))]
        )

    def untouched(self) -> Identity | None:
        """How well the clear faces of a second shot are found: without any blur, the upper end of every measure."""
        if not self._tells_apart:
            return None
        return self._identity(self._describe(self._second.pictures, self._second, "identity: second shots"), None)

    def look_up(self, blur: Blur, label: str) -> Identity | None:
        """Blur all photos and look their faces up, among the clear ones and among those blurred alike.

        Args:
            blur: what is examined.
            label: its name for the progress bar.

        Returns:
            None if there are no two different faces: nobody can be mistaken.
        """
        if not self._tells_apart:
            return None
        outputs, again = (
            [blur(p, f) for p, f in zip(shot.pictures, shot.faces, strict=True)] for shot in (self._first, self._second)
        )
        queries = self._describe(outputs, self._first, f"identity: {label}")
        gallery = self._describe(outputs, self._first, f"parrot's gallery: {label}", alone=True)
        parrots = self._describe(again, self._second, f"parrot attack: {label}", alone=True)
        return self._identity(queries, int(self._right(_distances(parrots, gallery)).sum()))

    def restored(self, restore: Blur, label: str) -> Identity | None:
        """Look up what an attack made of blurred faces; without the parrot attack."""
        if not self._tells_apart:
            return None
        shot = self._first
        outputs = [restore(p, f) for p, f in zip(shot.pictures, shot.faces, strict=True)]
        return self._identity(self._describe(outputs, shot, f"identity: {label}"), None)

    def _right(self, apart: _Distances) -> NDArray[np.bool_]:
        """For each query, a row of distances to the gallery, whether the nearest is its own or the same photo's."""
        right: NDArray[np.bool_] = self._same[np.arange(len(apart)), apart.argmin(1)]
        return right

    def _identity(self, queries: Vectors, parrot_found: int | None) -> Identity:
        right = self._right(_distances(queries, self._clear))
        apart = np.linalg.norm(queries - self._clear, axis=1)
        others = ~self._same
        return Identity(
            embedding=self._embedding.name,
            min_side_px=self._min_side_px,
            gallery=self.faces,
            chance=float(self._same.mean()),
            rank1=int(right.sum()) / self.faces,
            parrot_rank1=None if parrot_found is None else parrot_found / self.faces,
            cosine=float((_unit(queries) * _unit(self._clear)).sum(1).mean()),
            distance=float(apart.mean()),
            same_person=float((apart < SAME_PERSON).mean()),
            others_cosine=float((_unit(self._clear) @ _unit(self._clear).T)[others].mean()),
            others_distance=float(_distances(self._clear, self._clear)[others].mean()),
            by_size=tuple(self._by_size(right)),
        )

    def _by_size(self, right: NDArray[np.bool_]) -> list[SizeRank]:
        sides = np.array(self._sides)
        bins = [(low, below, (sides >= low) & (sides < below)) for low, below in size_bins(self._min_side_px)]
        return [
            SizeRank(low, None if np.isinf(below) else below, int(here.sum()), int(right[here].sum()))
            for low, below, here in bins
        ]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, 1e-12)
    return scaled


def _distances(queries: Vectors, gallery: Vectors) -> _Distances:
    """Euclidean, `[queries, gallery]`."""
    squares = (queries**2).sum(1)[:, None] + (gallery**2).sum(1)[None] - 2 * queries @ gallery.T
    distances: _Distances = np.sqrt(np.maximum(squares, 0))
    return distances
