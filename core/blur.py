"""Blurring faces inside ellipses: the target that students learn, and what approach A does to a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from edgeblur.faces import Face
from edgeblur.images import Pixels

_SUPERSAMPLE = 4


@dataclass(frozen=True)
class BlurStyle:
    """How strongly faces are blurred; all lengths follow the face's size.

    Attributes:
        strength: standard deviation of the Gaussian, as a share of the face box's longer side.
        grow: factor on the ellipse's axes, so that the hairline and the chin are inside.
        feather: width of the soft edge, as a share of the face box's longer side.

    The defaults leave few faces that a detector still finds; a student can never leak less than its target.
    """

    strength: float = 0.3
    grow: float = 1.2
    feather: float = 0.05


def ellipse_mask(size: tuple[int, int], face: Face, style: BlurStyle) -> Pixels:
    """The soft mask of one face, `[height, width]`, 255 where the blur is full.

    The edge is soft outwards: the feather is added to the ellipse, never taken from it.
    """
    width, height = size
    ellipse, feather = face.ellipse, style.feather * face.box.side
    a = ellipse.w * style.grow / 2 + feather
    b = ellipse.h * style.grow / 2 + feather
    turn = math.radians(ellipse.degrees)
    points = [
        (
            (ellipse.cx + a * math.cos(t) * math.cos(turn) - b * math.sin(t) * math.sin(turn)) * _SUPERSAMPLE,
            (ellipse.cy + a * math.cos(t) * math.sin(turn) + b * math.sin(t) * math.cos(turn)) * _SUPERSAMPLE,
        )
        for t in np.linspace(0, 2 * math.pi, 64, endpoint=False)
    ]
    canvas = Image.new("L", (width * _SUPERSAMPLE, height * _SUPERSAMPLE))
    ImageDraw.Draw(canvas).polygon(points, fill=255)
    mask = canvas.resize((width, height), Image.Resampling.BOX)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(feather / 2)))


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
    style = style or BlurStyle()
    result = picture
    total = np.zeros((picture.height, picture.width), np.uint8)
    for face in sorted(faces, key=lambda f: f.box.side):  # the larger face's blur lies on top
        mask = ellipse_mask(picture.size, face, style)
        blurred = picture.filter(ImageFilter.GaussianBlur(style.strength * face.box.side))
        result = Image.composite(blurred, result, Image.fromarray(mask))
        total = np.maximum(total, mask)
    return result, total
