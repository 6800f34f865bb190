"""A picture file in, a blurred picture file out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.pictures.arrays import changed_share
from edgeblur.pictures.images import encoded, load_picture, over_white


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
    colours = picture.convert("RGB") if picture.mode in ("L", "RGB") else _colours(picture)
    result = np.array(blurrer.blur(colours))
    if picture.mode in ("LA", "RGBA"):
        seen = over_white(picture)
        seen_blurred = np.asarray(blurrer.blur(seen))
        found = (seen_blurred != np.asarray(seen)).any(axis=-1)
        result[found] = seen_blurred[found]
    share = changed_share(np.asarray(colours), result)
    blurred = Image.fromarray(result).convert("L" if picture.mode in ("L", "LA") else "RGB")
    if picture.mode in ("LA", "RGBA"):
        blurred.putalpha(picture.getchannel("A"))
    return blurred, share


def _colours(picture: Image.Image) -> Image.Image:
    """What a transparent picture shows if nothing of it is transparent."""
    bands = picture.split()[:-1]
    return Image.merge("RGB", bands if len(bands) == 3 else bands * 3)
