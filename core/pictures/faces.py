"""Faces as every stage sees them: a box, the ellipse to blur, and how boxes overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeblur.records import Record, record_of


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in pixels: left edge, top edge, width, height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def side(self) -> float:
        """The longer side, in pixels: what we call the size of a face."""
        return max(self.w, self.h)

    def iou(self, other: Box) -> float:
        """Intersection over union with another box, 0 to 1."""
        overlap_w = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        overlap_h = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if overlap_w <= 0 or overlap_h <= 0:
            return 0.0
        overlap = overlap_w * overlap_h
        return overlap / (self.w * self.h + other.w * other.h - overlap)


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in pixels: centre, full axes, and clockwise turn in degrees (OpenCV's convention)."""

    cx: float
    cy: float
    w: float
    h: float
    degrees: float = 0.0

    def scaled(self, wide: float, tall: float) -> Ellipse:
        """The ellipse after the picture was made `wide` times as wide and `tall` times as tall."""
        cx, cy = self.cx * wide, self.cy * tall
        if wide == tall:
            return Ellipse(cx, cy, self.w * wide, self.h * tall, self.degrees)
        turn = math.radians(self.degrees)
        axes = [[wide * math.cos(turn) * self.w, -wide * math.sin(turn) * self.h],
                [tall * math.sin(turn) * self.w, tall * math.cos(turn) * self.h]]  # fmt: skip
        directions, lengths, _ = np.linalg.svd(axes)  # of what the circle within became: the longer axis first
        first = 0 if self.w >= self.h else 1
        x, y = directions[:, first]
        return Ellipse(cx, cy, float(lengths[first]), float(lengths[1 - first]), math.degrees(math.atan2(y, x)))


@dataclass(frozen=True)
class _Stored:
    """A `Face` as JSON has it."""

    box: tuple[float, float, float, float]
    ellipse: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Face(Record):
    """A labelled or detected face: its box (hairline to chin), its ellipse, and the detector's score if any."""

    box: Box
    ellipse: Ellipse
    score: float | None = None

    @classmethod
    def from_box(cls, box: Box, *, score: float | None = None) -> Face:
        """A face of which only the box is known: the ellipse is inscribed in it."""
        return cls(box, Ellipse(box.x + box.w / 2, box.y + box.h / 2, box.w, box.h), score)

    def moved(self, dx: float, dy: float, scale: float, tall: float | None = None) -> Face:
        """The face after the picture was cropped at (-dx, -dy) pixels and then scaled, in height by `tall`."""
        b, e, tall = self.box, self.ellipse, scale if tall is None else tall
        return Face(
            Box((b.x + dx) * scale, (b.y + dy) * tall, b.w * scale, b.h * tall),
            replace(e, cx=e.cx + dx, cy=e.cy + dy).scaled(scale, tall),
            self.score,
        )

    def as_json(self) -> dict[str, list[float]]:
        """Box `[x, y, w, h]` and ellipse `[cx, cy, w, h, degrees]`, in pixels, rounded to a tenth."""
        b, e = self.box, self.ellipse
        return {
            "box": [round(v, 1) for v in (b.x, b.y, b.w, b.h)],
            "ellipse": [round(v, 1) for v in (e.cx, e.cy, e.w, e.h, e.degrees)],
        }

    @classmethod
    def from_json(cls, data: Any) -> Face:
        """The inverse of `as_json`.

        Raises:
            ValueError: a number is missing, not finite, or a side is not positive.
        """
        stored = record_of(_Stored, data)
        box, ellipse = Box(*map(float, stored.box)), Ellipse(*map(float, stored.ellipse))
        numbers = (box.x, box.y, box.w, box.h, ellipse.cx, ellipse.cy, ellipse.w, ellipse.h, ellipse.degrees)
        if not all(map(math.isfinite, numbers)) or min(box.w, box.h, ellipse.w, ellipse.h) <= 0:
            raise ValueError(f"a face needs finite numbers and positive sides, got {data}")
        return cls(box, ellipse)
