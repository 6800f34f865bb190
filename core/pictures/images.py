"""Pictures in and out: any file Pillow reads becomes an upright RGB picture."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from edgeblur.errors import UserError
from edgeblur.files import write_bytes

Pixels = NDArray[np.uint8]
"""A picture as bytes: `[height, width, 3]` RGB, or `[height, width]` for a mask."""

Floats = NDArray[np.float32]
"""A picture or batch as floats in 0 to 1."""

# Large photos are no attack, and what is one is refused by its own error; Pillow says so again at each crop.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm"})
SMALLEST_SIDE = 8
"""Pixels: below this there is no face to blur and nothing to learn."""


def load_picture(path: Path) -> Image.Image:
    """Read a picture as upright RGB: EXIF turns are applied, grey is widened, transparency is laid over white.

    Raises:
        UserError: the file is missing, is no picture, is cut short, or is smaller than 8x8 pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks about odd but readable files
            with Image.open(path) as opened:
                picture = _of_eight_bits(ImageOps.exif_transpose(opened))
                if picture.has_transparency_data:
                    picture = picture.convert("RGBA")
                    white = Image.new("RGBA", picture.size, "white")
                    picture = Image.alpha_composite(white, picture)
                picture = picture.convert("RGB")
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} should be a picture (JPEG, PNG, ...) but cannot be read as one: {error}") from error
    if min(picture.size) < SMALLEST_SIDE:
        width, height = picture.size
        raise UserError(f"{path} is {width}x{height} pixels: a picture needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE}")
    return picture


def _of_eight_bits(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or of floats as grey of 8; Pillow itself would make white of all above 255."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.nan_to_num(np.asarray(picture, np.float64))
    white = 65535.0 if picture.mode.startswith("I;16") else _white(float(values.max()))
    return Image.fromarray(to_bytes(values / white))


def _white(largest: float) -> float:
    """What stands for white in a picture that does not say: shares, bytes, 16 bits, or else its largest value."""
    return next((white for white in (1.0, 255.0, 65535.0) if largest <= white), largest)


def find_pictures(folder: Path) -> list[Path]:
    """All picture files below a folder, by suffix, sorted; a single file stands for itself.

    Raises:
        UserError: the folder is missing or holds no picture.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist: give a picture or a folder of pictures")
    found = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file() and not p.name.startswith(".")
    )
    if not found:
        raise UserError(f"{folder} holds no picture (looked for {', '.join(sorted(SUFFIXES))})")
    return found


def readable_pictures(paths: list[Path], skipped: list[str]) -> Iterator[tuple[Path, Image.Image]]:
    """Load one picture after the other; those that cannot be read are told in `skipped` and passed over.

    Raises:
        UserError: not one of them could be read.
    """
    any_read = False
    for path in paths:
        try:
            picture = load_picture(path)
        except UserError as error:
            skipped.append(str(error))
            continue
        any_read = True
        yield path, picture
    if not any_read:
        raise UserError(f"none of the {len(paths)} files could be read; the first: {skipped[0]}")


def save_picture(path: Path, pixels: Any, *, quality: int = 95) -> None:
    """Write `[height, width]` or `[height, width, 3]` bytes (or a PIL picture) in the format of the suffix.

    JPEGs keep full colour resolution, so that a picture and its blurred copy differ only where they should.
    """
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    else:
        picture.save(buffer, Image.registered_extensions().get(path.suffix.lower(), "PNG"))
    write_bytes(path, buffer.getvalue())


def resize(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Resize with an antialiasing filter; the same picture comes back if the size is right already."""
    return picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.LANCZOS)


def to_floats(pixels: Pixels) -> Floats:
    """Bytes 0 to 255 as float32 0 to 1."""
    return pixels.astype(np.float32) / np.float32(255)


def to_bytes(floats: NDArray[np.floating[Any]]) -> Pixels:
    """Floats as bytes, rounded and clipped."""
    pixels: Pixels = np.clip(np.rint(floats * 255), 0, 255).astype(np.uint8)
    return pixels
