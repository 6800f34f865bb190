"""A picture file in, a blurred picture file out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.pictures.arrays import Pixels
from edgeblur.pictures.images import encoded, load_picture, over_white

_ROWS_TOGETHER = 64
"""Of a picture: a large one in all forms that are needed at once would take many times its memory."""


@dataclass(frozen=True)
class BlurredFile:
    """A file that was blurred.

    Attributes:
        path: what was written.
        frames: 1 of a picture; of a video, all that were written.
        veiled_share: of pixels that are not as they were, 0 to 1, over all frames.
        seconds: from opening the file to closing the copy.
    """

    path: Path
    frames: int
    veiled_share: float
    seconds: float


def blur_picture_file(path: Path, out: Path, blurrer: Blurrer, skipped: list[str]) -> BlurredFile:
    """Blur a picture into another file, which is replaced if it is there.

    Raises:
        UserError: it cannot be read, blurred, or written in that format.
    """
    begun = time.monotonic()
    data, share = _blurred(path, out, blurrer, skipped)
    write_bytes(out, data)
    return BlurredFile(out, 1, share, time.monotonic() - begun)


def _blurred(path: Path, target: Path, blurrer: Blurrer, remarks: list[str]) -> tuple[bytes, float]:
    """One picture's blurred copy as a file, in the colours that its profile says, and the share that was changed.

    Raises:
        UserError: it cannot be read, needs more memory than there is, or cannot be written in that format.
    """
    picture = load_picture(path, remarks, keep=True)
    try:
        blurred, share = blur_picture(picture, blurrer)
    except MemoryError as error:
        size = f"{picture.width}x{picture.height}"
        raise UserError(f"{path} ({size} pixels) needs more memory than there is to be blurred") from error
    blurred.info = dict(picture.info)
    return encoded(target, blurred), share


def blur_picture(picture: Image.Image, blurrer: Blurrer) -> tuple[Image.Image, float]:
    """Blur a picture; it stays grey if it is grey, and keeps its transparency.

    Of a transparent picture, faces are looked for twice: as it is seen over white, and in its colours alone, as
    transparency hides a face from the eye but not from a program.

    Args:
        picture: RGB, RGBA, L or LA.
        blurrer: a model or detector.

    Returns:
        A picture of the same size and mode, and the share of its pixels that were changed.
    """
    views = (_colours, over_white) if picture.mode in ("LA", "RGBA") else (_colours,)
    covers = [_found(picture, view, blurrer) for view in views]
    result, changed = picture.copy(), 0
    for top in range(0, picture.height, _ROWS_TOGETHER):
        rows = slice(top, min(top + _ROWS_TOGETHER, picture.height))
        part = picture.crop((0, rows.start, picture.width, rows.stop))
        sights = [np.asarray(view(part)) for view in views]
        blurred = before = sights[0]
        for seen, cover in zip(sights, covers, strict=True):
            covered = cover(seen, rows)
            blurred = np.where((covered != seen).any(axis=-1, keepdims=True), covered, blurred)
        changed += np.count_nonzero((blurred != before).any(axis=-1))
        result.paste(_in_mode_of(part, blurred), (0, top))
    return result, changed / (picture.width * picture.height)


_Cover = Callable[[Pixels, slice], Pixels]
"""Some rows of a picture, `[rows, width, 3]` RGB, and which they are: the same with faces covered."""


def _found(picture: Image.Image, view: Callable[[Image.Image], Image.Image], blurrer: Blurrer) -> _Cover:
    """What covers the faces that are found in one view of a picture."""
    veiler = blurrer.veiler
    if veiler is None:
        whole = np.asarray(blurrer.blur(view(picture)))
        return lambda _, rows: whole[rows]
    look = veiler.look_at(_ViewedRows(picture, view), picture.size)
    return lambda part, rows: veiler.cover_rows(part, rows, look)


@dataclass(frozen=True)
class _ViewedRows:
    """A picture's rows in RGB, as one views it."""

    picture: Image.Image
    view: Callable[[Image.Image], Image.Image]

    def __getitem__(self, rows: slice) -> Pixels:
        part = self.picture.crop((0, rows.start, self.picture.width, rows.stop))
        return np.asarray(self.view(part)).reshape(part.height, -1)


def _colours(picture: Image.Image) -> Image.Image:
    """What a picture shows if nothing of it is transparent."""
    if picture.mode in ("L", "RGB"):
        return picture.convert("RGB")
    bands = picture.split()[:-1]
    return Image.merge("RGB", bands if len(bands) == 3 else bands * 3)


def _in_mode_of(picture: Image.Image, colours: Pixels) -> Image.Image:
    """Other colours for a picture, grey if it is grey, and as transparent as it is."""
    result = Image.fromarray(colours).convert("L" if picture.mode in ("L", "LA") else "RGB")
    if picture.mode in ("LA", "RGBA"):
        result.putalpha(picture.getchannel("A"))
    return result
