"""Sequences of frames made from labelled photos: the camera pans, shakes and zooms, faces enter, cross and turn away.

Speeds are in widths of the photo's largest face, from frame to frame. So what a veil by the frame before misses is
known by speed, without a single video.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image, ImageFilter

from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels

FRAMES = 7
"""Of a sequence; the first one is blind where the frame before counts."""

CUT_OUT = 1.6
"""A face that crosses is cut out of its photo so many times as large as its ellipse, hair and chin included."""

LEAST_INSIDE = 0.7
"""A face of which less than this share lies inside a frame is not judged there."""


@dataclass(frozen=True)
class Frame:
    """One frame: RGB `[height, width, 3]`, and its faces in its pixels."""

    picture: Pixels
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Clip:
    """Frames one after the other.

    Attributes:
        kind: `pan`, `shake`, `enter`, `cross`, `zoom` or `turn`.
        speed: in face widths a frame; for `zoom` the factor's part beyond 1, for `turn` the share of its width that a
            face loses.
        frames: of which the first shows where faces are.
    """

    kind: str
    speed: float
    frames: tuple[Frame, ...]


@dataclass(frozen=True, eq=False)
class _Stage:
    """A photo that a camera looks at.

    Attributes:
        picture: RGB.
        faces: in its pixels, one at least.
        size: of frames, width and height.
        side_px: of the largest face in a frame.
    """

    picture: Image.Image
    faces: tuple[Face, ...]
    size: tuple[int, int]
    side_px: float

    @cached_property
    def backdrop(self) -> Image.Image:
        """The photo and its own mirror images, out of focus so that nobody is seen there, wider than any frame."""
        pixels, pad = np.asarray(self.picture), self.pad
        rows, columns = (_mirrored(length, pad) for length in pixels.shape[:2])
        around = Image.fromarray(pixels[rows][:, columns])
        return around.filter(ImageFilter.GaussianBlur(0.3 * self.largest.box.side))

    @cached_property
    def wide(self) -> Image.Image:
        """The photo amid its backdrop."""
        around = self.backdrop.copy()
        around.paste(self.picture, (self.pad, self.pad))
        return around

    @property
    def pad(self) -> int:
        return 2 * max(self.size)

    @property
    def largest(self) -> Face:
        return max(self.faces, key=lambda face: face.box.side)

    def frame(self, dx: float, dy: float, zoom: float = 1.0, squeeze: float = 1.0) -> Frame:
        """What a camera sees that looks so many widths of the largest face beside its middle."""
        scale = self.side_px / self.largest.box.side * zoom
        left, top, across = *self._corner(dx, dy, scale * squeeze, scale), scale * squeeze
        seen = self._seen(self.wide, left, top, across, scale)
        moved = (face.moved(-left, -top, across, scale) for face in self.faces)
        return Frame(np.asarray(seen), tuple(face for face in moved if _inside(face, self.size) >= LEAST_INSIDE))

    def crossing(self, dx: float) -> Frame:
        """What a camera that stands still sees of the largest face, so many widths beside the middle."""
        scale = self.side_px / self.largest.box.side
        left, top = self._corner(-dx, 0, scale, scale)
        face = self.largest.moved(-left, -top, scale)
        head = Image.fromarray(_ellipse(face, *self.size[::-1], CUT_OUT).astype(np.uint8) * 255)
        soft = head.filter(ImageFilter.GaussianBlur(0.04 * self.side_px))
        seen = self._seen(self.backdrop, *self._corner(0, 0, scale, scale), scale, scale)
        seen.paste(self._seen(self.wide, left, top, scale, scale), (0, 0), soft)
        return Frame(np.asarray(seen), (face,) if _inside(face, self.size) >= LEAST_INSIDE else ())

    def _corner(self, dx: float, dy: float, across: float, down: float) -> tuple[float, float]:
        """Left and top of such a frame in the photo's pixels, of which one is `across` and `down` of the frame's."""
        box, (width, height) = self.largest.box, self.size
        return (
            box.x + box.w / 2 + dx * box.w - width / 2 / across,
            box.y + box.h / 2 + dy * box.w - height / 2 / down,
        )

    def _seen(self, wide: Image.Image, left: float, top: float, across: float, down: float) -> Image.Image:
        view = (1 / across, 0, left + self.pad, 0, 1 / down, top + self.pad)
        return wide.transform(self.size, Image.Transform.AFFINE, view, Image.Resampling.BICUBIC)


def _mirrored(length: int, pad: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of a line that is mirrored at its ends again and again."""
    places = np.arange(-pad, length + pad, dtype=np.int64) % (2 * length)
    return np.minimum(places, 2 * length - 1 - places)


def _inside(face: Face, size: tuple[int, int]) -> float:
    box = face.box
    wide = min(size[0], box.x + box.w) - max(0.0, box.x)
    tall = min(size[1], box.y + box.h) - max(0.0, box.y)
    return max(0.0, wide) * max(0.0, tall) / (box.w * box.h)


def clips(
    picture: Image.Image, faces: tuple[Face, ...], size: tuple[int, int], speeds: tuple[float, ...], seed: int
) -> Iterator[Clip]:
    """Sequences of a photo's largest face, and of all that are beside it.

    Args:
        picture: RGB, with a face.
        faces: in its pixels.
        size: of frames, width and height.
        speeds: face widths a frame.
        seed: of the face's size in a frame, 0.14 to 0.35 of its width, and of directions.
    """
    rng = random.Random(seed)
    stage = _Stage(picture, faces, size, size[0] * rng.uniform(0.14, 0.35))
    turn = rng.uniform(0, 2 * math.pi)
    for speed in speeds:
        steps = [speed * (n - FRAMES // 2) for n in range(FRAMES)]
        yield Clip("pan", speed, tuple(stage.frame(math.cos(turn) * s, math.sin(turn) * s / 2) for s in steps))
        if speed > 0:
            ways = [(rng.choice((-0.5, 0.5)) * speed, rng.choice((-0.5, 0.5)) * speed) for _ in range(FRAMES)]
            yield Clip("shake", speed, tuple(stage.frame(*way) for way in ways))
            edge = size[0] / 2 / (stage.side_px * stage.largest.box.w / stage.largest.box.side) + 0.6
            yield Clip("enter", speed, tuple(stage.frame(edge - speed * n, 0) for n in range(FRAMES)))
            yield Clip("cross", speed, tuple(stage.crossing(step) for step in steps))
    yield Clip("zoom", 0.1, tuple(stage.frame(0, 0, 1.1 ** (n - FRAMES // 2)) for n in range(FRAMES)))
    yield Clip("turn", 0.1, tuple(stage.frame(0, 0, 1, 1 - 0.1 * n) for n in range(FRAMES)))


@dataclass(frozen=True)
class Bare:
    """Faces of which a veil left something open.

    Attributes:
        faces: that were judged, frame by frame.
        open_half, open_fifth: of those, with less than 50 % and less than 80 % of their ellipse veiled.
        frames: that were veiled.
        veiled: the sum of their veiled shares.
    """

    faces: int = 0
    open_half: int = 0
    open_fifth: int = 0
    frames: int = 0
    veiled: float = 0.0

    def seen(self, veiled: np.ndarray[tuple[int, int], np.dtype[np.bool_]], faces: tuple[Face, ...]) -> Bare:
        """With one more frame, of which `veiled` pixels are veiled at least half."""
        covered = [float(veiled[inside].mean()) for face in faces if (inside := _ellipse(face, *veiled.shape)).any()]
        return replace(
            self,
            faces=self.faces + len(covered),
            open_half=self.open_half + sum(share < 0.5 for share in covered),
            open_fifth=self.open_fifth + sum(share < 0.8 for share in covered),
            frames=self.frames + 1,
            veiled=self.veiled + float(veiled.mean()),
        )


def _ellipse(face: Face, height: int, width: int, larger: float = 1) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    e, turn = face.ellipse, math.radians(face.ellipse.degrees)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    along = ((x - e.cx) * math.cos(turn) + (y - e.cy) * math.sin(turn)) / (e.w / 2)
    across = ((y - e.cy) * math.cos(turn) - (x - e.cx) * math.sin(turn)) / (e.h / 2)
    inside: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = along**2 + across**2 <= larger**2
    return inside
