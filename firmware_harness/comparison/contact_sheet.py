"""Contact sheets: the same photos in every column, so that a person can compare."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from edgeblur.pictures.images import Pixels

_GAP, _HEAD = 4, 40
_JPEG_QUALITIES = (92, 88, 84, 80, 75, 70, 60, 50)


@dataclass(frozen=True)
class Column:
    """A titled column of pictures `[h, w, 3]`, all columns of one sheet in the same order and size."""

    title: str
    pictures: Sequence[Pixels]


def contact_sheet(columns: Sequence[Column], *, cell: int = 128) -> Image.Image:
    """Draw the columns side by side, each picture `cell` pixels wide, titles above, in at most two lines."""
    rows = len(columns[0].pictures)
    height = max(1, round(cell * columns[0].pictures[0].shape[0] / columns[0].pictures[0].shape[1]))
    sheet = Image.new("RGB", (len(columns) * (cell + _GAP) + _GAP, _HEAD + rows * (height + _GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, column in enumerate(columns):
        left = _GAP + number * (cell + _GAP)
        draw_heading(draw, column.title, (left + cell / 2, _HEAD / 2), cell)
        for row, pixels in enumerate(column.pictures):
            picture = Image.fromarray(pixels).resize((cell, height), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left, _HEAD + row * (height + _GAP)))
    return sheet


def draw_heading(draw: ImageDraw.ImageDraw, title: str, middle: tuple[float, float], width: int) -> None:
    """Write a column's title around a point, in at most two lines, none of them wider than `width` pixels."""
    font = ImageFont.load_default(12)
    lines = [fitting(line, width, font) for line in _two_lines(title)]
    draw.multiline_text(middle, "\n".join(lines), "black", font, "mm", align="center")


def _two_lines(title: str) -> list[str]:
    """Broken at the last space: what a column is called above, its precision below."""
    return title.rsplit(" ", 1)


def fitting(line: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The line, shortened in its middle where it is wider than its column: names differ at both ends."""
    kept, short = len(line), line
    while font.getlength(short) > width and kept > 2:
        kept -= 1
        short = f"{line[: (kept + 1) // 2]}...{line[len(line) - kept // 2 :]}"
    return short


def png(picture: Image.Image) -> bytes:
    """A picture as PNG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def jpeg(picture: Image.Image, limit_bytes: int) -> bytes:
    """A picture as JPEG bytes, as good as the limit allows; at the worst of the qualities it may exceed it."""
    data = b""
    for quality in _JPEG_QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=0, optimize=True)  # thin red lines keep their colour
        data = buffer.getvalue()
        if len(data) <= limit_bytes:
            break
    return data
