"""Sheets of strips: what became of a scene, picture beside picture, with a line below that says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont

from edgeblur.firmware_harness.comparison.contact_sheet import draw_heading, fitting
from edgeblur.pictures.images import Pixels

_GAP, _HEAD, _TITLE, _LINE = 4, 40, 26, 16
_APART = 12
"""Behind a caption: it belongs to the pictures above it, and not to those below."""


@dataclass(frozen=True)
class Strip:
    """Pictures `[h, w, 3]` of one scene, one below each heading of the sheet, and what is to be said of them."""

    pictures: Sequence[Pixels]
    caption: str


@dataclass(frozen=True)
class Section:
    """Strips below a title; without any, the sheet says that there is none."""

    title: str
    strips: Sequence[Strip]


@dataclass(frozen=True)
class _Layout:
    """Where things stand on a sheet, in its pixels.

    Attributes:
        cell: width and height of a picture.
        columns: pictures in a strip.
        across: strips beside each other.
        lines: that the longest caption takes, one or two.
    """

    cell: tuple[int, int]
    columns: int
    across: int
    lines: int = 1

    @property
    def caption_width(self) -> int:
        """From a strip's first picture to the end of its last."""
        return self.columns * (self.cell[0] + _GAP) - _GAP

    @property
    def strip_width(self) -> int:
        """Of a strip with the room behind it: there is more between strips than within one."""
        return self.columns * (self.cell[0] + _GAP) + 2 * _GAP

    @property
    def strip_height(self) -> int:
        """Of pictures and caption, and the room behind it."""
        return self.cell[1] + self.lines * _LINE + _APART

    def left(self, place: int, column: int) -> int:
        """Left edge of a picture."""
        return _GAP + place * self.strip_width + column * (self.cell[0] + _GAP)

    def height(self, section: Section) -> int:
        """Of a section with its title."""
        rows = math.ceil(len(section.strips) / self.across)
        return _TITLE + (rows * self.strip_height if rows else _LINE + _GAP)


def strip_sheet(heads: Sequence[str], sections: Sequence[Section], *, across: int = 1) -> Image.Image:
    """Draw sections below each other, every picture pixel by pixel as it is.

    Args:
        heads: over the pictures of a strip.
        sections: all their pictures have one size.
        across: so many strips stand beside each other.

    Raises:
        ValueError: there is not one strip.
    """
    strips = [strip for section in sections for strip in section.strips]
    if not strips:
        raise ValueError("a sheet needs a strip of pictures")
    height, width = strips[0].pictures[0].shape[:2]
    layout = _Layout((width, height), len(heads), across)
    layout = replace(layout, lines=max(len(_wrapped(strip.caption, layout.caption_width)) for strip in strips))
    tall = _HEAD + sum(map(layout.height, sections))
    sheet = Image.new("RGB", (across * layout.strip_width, tall), "white")
    draw = ImageDraw.Draw(sheet)
    for place in range(across):
        for column, head in enumerate(heads):
            middle = layout.left(place, column) + layout.cell[0] / 2
            draw_heading(draw, head, (middle, _HEAD / 2), layout.cell[0])
    top = _HEAD
    for section in sections:
        _draw_section(sheet, section, layout, top)
        top += layout.height(section)
    return sheet


def _draw_section(sheet: Image.Image, section: Section, layout: _Layout, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, top + _TITLE / 2), section.title, "black", ImageFont.load_default(15), "lm")
    if not section.strips:
        draw.text((_GAP, top + _TITLE + _LINE / 2), "none", "black", ImageFont.load_default(12), "lm")
    for index, strip in enumerate(section.strips):
        row, place = divmod(index, layout.across)
        _draw_strip(sheet, strip, layout, place, top + _TITLE + row * layout.strip_height)


def _draw_strip(sheet: Image.Image, strip: Strip, layout: _Layout, place: int, top: int) -> None:
    for column, pixels in enumerate(strip.pictures):
        sheet.paste(Image.fromarray(pixels), (layout.left(place, column), top))
    lines = "\n".join(_wrapped(strip.caption, layout.caption_width))
    below = (layout.left(place, 0), top + layout.cell[1] + 2)
    ImageDraw.Draw(sheet).multiline_text(below, lines, "black", ImageFont.load_default(12), "la", spacing=2)


def _wrapped(caption: str, width: int) -> list[str]:
    """One line if it is narrower than `width` pixels, else two broken at a space, the second shortened to fit."""
    font = ImageFont.load_default(12)
    words = caption.split(" ")
    fits = [count for count in range(1, len(words) + 1) if font.getlength(" ".join(words[:count])) <= width]
    first = max(fits, default=1)
    lines = [" ".join(words[:first]), " ".join(words[first:])]
    return [fitting(line, width, font) for line in lines if line]
