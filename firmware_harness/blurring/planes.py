"""Frames of videos as decoders give them, luma and chroma apart: veiled where they lie, never turned into RGB and back.

Faces are looked for in a small copy by FFmpeg's scaler; each plane is then veiled at its own size. So what is not
veiled goes to the encoder bit for bit as it came from the decoder.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeblur.export.veil.pixels import pixel_format
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import colours, grow, mask_levels, net_picture, veil
from edgeblur.firmware_harness.blurring.veils import Look, Veiler, levels_around
from edgeblur.pictures.arrays import Pixels

PLANAR = {"yuv420p": 16, "yuvj420p": 0}
"""Formats of such frames, by FFmpeg's names, and the luma of black; a frame may also say that its range is full."""

_FULL_RANGE = 2
_NO_COLOUR = 128


def standing(frame: Any) -> tuple[bool, bool, bool]:
    """How a decoded frame is brought the way up that it is shown: width for height, then upside down, then mirrored.

    By the display matrix of FFmpeg (libavutil/display.h): of a point x, y it makes a x + c y and b x + d y, its first
    six numbers being a, b, u, c, d, v. PyAV's `rotation` is the angle alone, wrong for what is mirrored, as the front
    cameras of phones write it.
    """
    matrix = next((bytes(side) for side in frame.side_data if side.type.name == "DISPLAYMATRIX"), None)
    if matrix is None or len(matrix) < 36:
        return False, False, False
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32, 9).tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, b < 0, c < 0
    return False, d < 0, a < 0


@dataclass(frozen=True, eq=False)
class PlaneVeiler:
    """A finder with the veil, for frames whose planes lie apart.

    Attributes:
        veiler: finds in a small picture; its style is shown.
    """

    veiler: Veiler

    @staticmethod
    def takes(frame: Any) -> bool:
        """Whether a decoded frame is of that kind, with whole pairs of pixels, and stands upright."""
        even = frame.width % 2 == frame.height % 2 == 0
        return frame.format.name in PLANAR and even and not any(standing(frame))

    def look(self, frame: Any) -> Look:
        """Find the faces of a decoded frame."""
        plan, find = self.veiler.fitted((frame.width, frame.height))
        small = frame.reformat(plan.x.content, plan.y.content, "yuv444p", interpolation="AREA")
        levels = grow(mask_levels(find(net_picture(small.to_ndarray(format="rgb24"), plan)), plan), plan)
        means = np.moveaxis(small.to_ndarray(), 0, -1).astype(np.int64)
        return Look(levels, colours(means, plan), plan)

    def cover(self, frame: Any, own: Look, around: Sequence[Look] = ()) -> tuple[Pixels, float]:
        """A frame's planes one below the other, as FFmpeg packs them, with what was found veiled.

        Args:
            frame: decoded.
            own: what was found in it.
            around: what was found in frames before and behind it, of the same shape: veiled as well.

        Returns:
            `[height * 3 / 2, width]`, and the share of pixels whose luma changed.
        """
        packed: Pixels = frame.to_ndarray()
        levels = levels_around(own, around)
        if not levels.any():
            return packed, 0.0
        squares, style = own.squares, self.veiler.style
        if style == "black":  # of this frame's own colours
            squares, style = np.full_like(squares, _NO_COLOUR), "pixelate"
            squares[..., 0] = 0 if frame.color_range == _FULL_RANGE else PLANAR[frame.format.name]
        before, flat, start = packed[: frame.height].copy(), packed.reshape(-1), 0
        for c, plan in enumerate(planes_of(own.plan)):
            plane = flat[start : (start := start + plan.width * plan.height)].reshape(plan.height, plan.width)
            plane[...] = veil(plane, levels, squares[..., c : c + 1], plan, style=style)
        return packed, float((packed[: frame.height] != before).mean())


@functools.lru_cache(8)
def planes_of(plan: VeilPlan) -> tuple[VeilPlan, VeilPlan, VeilPlan]:
    """A frame's plan for its luma and, at half the size, both planes of chroma."""
    luma = replace(plan, pixels=pixel_format("gray8"))
    wide, tall = plan.width // 2, plan.height // 2
    chroma = replace(luma, width=wide, height=tall, x=replace(luma.x, units=wide), y=replace(luma.y, units=tall))
    return luma, chroma, chroma
