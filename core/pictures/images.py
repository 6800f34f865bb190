"""Pictures in and out: any file Pillow reads becomes an upright RGB picture."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.files import write_bytes
from edgeblur.pictures.arrays import Floats as Floats
from edgeblur.pictures.arrays import Pixels as Pixels
from edgeblur.pictures.formats import READ_FORMATS, SUFFIXES, left_out, written_format

# Large photos are no attack, and what is one is refused by its own error; Pillow says so again at each crop.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)

SMALLEST_SIDE = 8
"""Pixels: below this there is no face to blur and nothing to learn."""


_TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
          5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
          8: Image.Transpose.ROTATE_90}  # fmt: skip
_ORIENTATION = 0x0112


def load_picture(path: Path, remarks: list[str] | None = None, *, keep: bool = False) -> Image.Image:
    """Read a picture as upright RGB: EXIF turns are applied, grey is widened, transparency is laid over white.

    With `keep`, grey and transparency stay as they are: RGB, RGBA, L or LA.

    Of what the file says beside its pixels only a colour profile for RGB stays, in `info["icc_profile"]`.

    Args:
        path: a file in one of `READ_FORMATS`, of at most 178 million pixels (Pillow's own limit).
        remarks: gets a sentence if the file holds more pictures than the one that is read, its first.

    Raises:
        UserError: the file is missing, is no picture, is cut short, is smaller than 8x8 pixels, or is larger than
            the memory allows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks about odd but readable files
            with Image.open(path, formats=READ_FORMATS) as opened:
                opened.load()
                several = bool(getattr(opened, "is_animated", False))
                picture = _upright(_as_it_is(opened) if keep else _as_rgb(opened), opened)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except MemoryError as error:
        raise UserError(f"{path} needs more memory than there is") from error
    except Exception as error:  # whatever a break in a file leads to: Pillow's readers raise nearly every kind
        reason = str(error) or type(error).__name__
        raise UserError(f"{path} should be a picture (JPEG, PNG, ...) but cannot be read as one: {reason}") from error
    if min(picture.size) < SMALLEST_SIDE:
        width, height = picture.size
        raise UserError(f"{path} is {width}x{height} pixels: a picture needs at least {SMALLEST_SIDE}x{SMALLEST_SIDE}")
    if several and remarks is not None:
        remarks.append(f"all pictures in {path} but the first of them")
    return picture


def _as_rgb(opened: Image.Image) -> Image.Image:
    """A copy in RGB, with what its file says forgotten, but for a profile of the colours it is in."""
    picture, profile = _of_eight_bits(opened), opened.info.get("icc_profile")
    of_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB "
    if picture.has_transparency_data:
        picture = over_white(picture)
    elif profile and not of_rgb:
        picture = _in_srgb(picture, profile)
    else:
        picture = picture.convert("RGB")
    picture.info = {"icc_profile": profile} if of_rgb else {}
    return picture


def _as_it_is(opened: Image.Image) -> Image.Image:
    """A copy with its transparency, grey if it is grey; else as `_as_rgb`."""
    picture, profile = _of_eight_bits(opened), opened.info.get("icc_profile")
    grey = picture.mode in ("1", "L", "LA")
    if not picture.has_transparency_data:
        return picture.convert("L") if grey and not profile else _as_rgb(opened)
    of_rgb = isinstance(profile, bytes) and profile[16:20] == b"RGB "
    picture = picture.convert("LA" if grey and not profile else "RGBA")
    picture.info = {"icc_profile": profile} if of_rgb else {}
    return picture


def over_white(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, what is transparent laid over white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Inks, grey or Lab as RGB by their own profile, or as Pillow does it where that profile is of no use."""
    try:
        from PIL import ImageCms

        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    except (ImportError, OSError, ValueError, ImageCms.PyCMSError):
        return picture.convert("RGB")
    return picture.convert("RGB") if converted is None else converted


def _upright(picture: Image.Image, opened: Image.Image) -> Image.Image:
    """The picture turned as its file's EXIF says; the EXIF is not written anew, it may be odd and still legal."""
    try:
        value = opened.getexif().get(_ORIENTATION, 1)
        # Of the types BYTE and UNDEFINED, in either order of bytes; libexif reads the first as well, browsers neither.
        numbers = value.strip(b"\0") if isinstance(value, bytes) else b""
        turn = _TURNS.get(numbers[0] if len(numbers) == 1 and numbers[0] in _TURNS else int(value))
    except Exception:  # an orientation that is none; Pillow raises nearly every kind here too
        return picture
    return picture if turn is None else picture.transpose(turn)


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


_COMMON = (".jpg", ".png", ".webp", ".tif", ".gif")


def find_pictures(folder: Path, skipped: list[str] | None = None, also: frozenset[str] = frozenset()) -> list[Path]:
    """All picture files below a folder, by suffix, sorted; a single file stands for itself.

    Args:
        folder: searched with everything below it, links to folders aside.
        skipped: gets a sentence about what else is there, if anything is.
        also: suffixes of other files that are looked for.

    Raises:
        UserError: the folder is missing or holds no picture.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        wrong = "is neither a file nor a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {wrong}: give a picture or a folder of pictures")
    everything = sorted(folder.rglob("*"))
    found = [p for p in everything if p.suffix.lower() in SUFFIXES | also and p.is_file() and p.name[0] != "."]
    others = left_out(everything, folder, also)
    if not found:
        what = "picture and no video" if also else "picture"
        raise UserError(f"{folder} holds no {what} (looked for {', '.join(_COMMON)} and others); {others or 'nothing'}")
    if others and skipped is not None:
        skipped.append(others)
    return found


def readable_pictures(paths: list[Path], skipped: list[str]) -> Iterator[tuple[Path, Image.Image]]:
    """Load one picture after the other; those that cannot be read are noted in `skipped` and passed over.

    Raises:
        UserError: not one of them could be read.
    """
    first: UserError | None = None
    any_read = False
    for path in paths:
        try:
            picture = load_picture(path, skipped)
        except UserError as error:
            skipped.append(str(error))
            first = first or error
            continue
        any_read = True
        yield path, picture
    if not any_read:
        raise UserError(f"none of the {len(paths)} files could be read; the first: {first}")


_TRANSPARENT = frozenset({"AVIF", "JPEG2000", "PNG", "TGA", "TIFF", "WEBP"})
"""Formats that keep transparency in full."""

_LOSSLESS: dict[str, dict[str, Any]] = {
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {"lossless": True, "exact": True},
}
"""What makes an encoder keep every byte, also of colours that transparency hides; left to itself, TIFF's takes what the
picture was read with, which may be JPEG, or a fax's that has no colours."""


def encoded(path: Path, pixels: Any, *, quality: int = 95) -> bytes:
    """`[height, width]` or `[height, width, 3]` bytes (or a PIL picture) in the format of the suffix of `path`.

    JPEGs keep full colour resolution, so that a picture and its blurred copy differ only where they should.

    Raises:
        UserError: the format has no room for a picture of this size, or is not written.
    """
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    name, buffer = written_format(path), io.BytesIO()
    if name is None:
        raise UserError(f"{path} names no format that pictures are written in: choose another suffix, such as .png")
    if picture.mode in ("LA", "RGBA") and name not in _TRANSPARENT:
        flat = over_white(picture)
        flat.info, picture = picture.info, flat
    options = dict(_LOSSLESS.get(name, {"quality": quality} if name in ("JPEG", "AVIF") else {}))
    if name == "JPEG":
        options["subsampling"] = 0
    if profile := picture.info.get("icc_profile"):
        options["icc_profile"] = profile
    try:
        picture.save(buffer, name, **options)
    except MemoryError as error:
        raise UserError(f"{path} needs more memory than there is") from error
    except Exception as error:  # an encoder's limit, such as 16,383 pixels in WebP: each raises its own kind
        size = f"{picture.width}x{picture.height}"
        raise UserError(f"a picture of {size} pixels cannot be written as {name} to {path} ({error}): choose another "
                        "suffix, such as .png") from error  # fmt: skip
    return buffer.getvalue()


def save_picture(path: Path, pixels: Any, *, quality: int = 95) -> None:
    """Write what `encoded` makes of a picture."""
    write_bytes(path, encoded(path, pixels, quality=quality))


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
