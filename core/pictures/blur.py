"""Blurring faces inside ellipses: the target that students learn, and what approach A does to a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from edgeblur.pictures.faces import Ellipse, Face
from edgeblur.pictures.images import Pixels

_SUPERSAMPLE = 4


@dataclass(frozen=True)
class BlurStyle:
    """How strongly faces are blurred; all lengths follow the face's size.

    Attributes:
        strength: standard deviation of the Gaussian, as a share of the face box's longer side.
        grow: factor on the ellipse's axes, so that the hairline and the chin are inside.
        feather: width of the soft edge, as a share of the face box's longer side.

    A student can never leak less than its target: the defaults are chosen by what detectors still find in it, see
    docs/target.md.
    """

    strength: float = 0.45
    grow: float = 1.35
    feather: float = 0.05


def _outline(ellipse: Ellipse, style: BlurStyle, feather: float) -> list[tuple[float, float]]:
    """Points of the grown ellipse. The edge is soft outwards: the feather is added, never taken away."""
    a, b = ellipse.w * style.grow / 2 + feather, ellipse.h * style.grow / 2 + feather
    turn = math.radians(ellipse.degrees)
    return [
        (
            ellipse.cx + a * math.cos(t) * math.cos(turn) - b * math.sin(t) * math.sin(turn),
            ellipse.cy + a * math.cos(t) * math.sin(turn) + b * math.sin(t) * math.cos(turn),
        )
        for t in np.linspace(0, 2 * math.pi, 64, endpoint=False)
    ]


def _soft_mask(points: list[tuple[float, float]], region: tuple[int, int, int, int], feather: float) -> Image.Image:
    """The polygon as an antialiased, feathered mask over `region` (left, top, right, bottom)."""
    left, top, right, bottom = region
    canvas = Image.new("L", ((right - left) * _SUPERSAMPLE, (bottom - top) * _SUPERSAMPLE))
    ImageDraw.Draw(canvas).polygon([((x - left) * _SUPERSAMPLE, (y - top) * _SUPERSAMPLE) for x, y in points], fill=255)
    mask = canvas.resize((right - left, bottom - top), Image.Resampling.BOX)
    return mask.filter(ImageFilter.GaussianBlur(feather / 2))


def _blur_one(picture: Image.Image, total: Image.Image, face: Face, style: BlurStyle) -> None:
    """Blur one face in place, and note its mask in `total`. Works on the face's surroundings only."""
    sigma, feather = style.strength * face.box.side, style.feather * face.box.side
    points = _outline(face.ellipse, style, feather)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    reach = 2 * feather + 2 * sigma  # what the blur draws its colours from
    region = (
        max(0, math.floor(min(xs) - reach)),
        max(0, math.floor(min(ys) - reach)),
        min(picture.width, math.ceil(max(xs) + reach)),
        min(picture.height, math.ceil(max(ys) + reach)),
    )
    if region[0] >= region[2] or region[1] >= region[3]:
        return
    mask = _soft_mask(points, region, feather)
    clear = picture.crop(region)
    picture.paste(Image.composite(clear.filter(ImageFilter.GaussianBlur(sigma)), clear, mask), region)
    total.paste(Image.fromarray(np.maximum(np.asarray(total.crop(region)), np.asarray(mask))), region)


def blur_faces(
    picture: Image.Image, faces: Sequence[Face], style: BlurStyle | None = None
) -> tuple[Image.Image, Pixels]:
    """Blur every face inside its ellipse, softly edged.

    Args:
        picture: RGB, any size.
        faces: in the picture's pixels; none is normal, and so are faces cut by the border.
        style: strength, growth and softness.

    Returns:
        The blurred picture, and the mask `[height, width]` (255 where a face was blurred fully).
    """
    result, total = picture.copy(), Image.new("L", picture.size)
    for face in sorted(faces, key=lambda f: f.box.side):  # the larger face's blur lies on top
        _blur_one(result, total, face, style or BlurStyle())
    return result, np.asarray(total)
