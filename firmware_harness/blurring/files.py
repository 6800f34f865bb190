"""Picture files in, blurred picture files out: one, or a folder's under the same names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.pictures.formats import writable, written_format
from edgeblur.pictures.images import encoded, find_pictures, load_picture, over_white
from edgeblur.progress import track


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


def blur_files(source: Path, out: Path, blurrer: Blurrer, *, force: bool, skipped: list[str]) -> Iterator[BlurredFile]:
    """Blur a picture into a file, or a folder's pictures into a folder under the same names; yields what was written.

    A picture whose format is only read (`a.ico`) is written as `a.ico.png`. One that cannot be read, blurred or written
    in its format is noted in `skipped`, as is all else that the folder holds, and never stops the rest.

    Raises:
        UserError: nothing to read, a result that is there already (without `force`), or `out` would be the source; and,
            at the end, that not one picture could be blurred.
    """
    targets = _targets(source, out, find_pictures(source, skipped))
    for path, target in targets.items():
        if target.resolve() == path.resolve():
            raise UserError(f"{target} is the picture itself: write the blurred one elsewhere")
        if target.exists() and not force:
            raise UserError(f"{target} exists already: choose another place, or replace it", options=("force",))
    first: UserError | None = None
    any_written = False
    for path, target in track(targets.items(), "blurring", total=len(targets)):
        begun = time.monotonic()
        try:
            data, share = _blurred(path, target, blurrer, skipped)
        except UserError as error:
            skipped.append(str(error))
            first = first or error
            continue
        write_bytes(target, data)
        any_written = True
        yield BlurredFile(target, 1, share, time.monotonic() - begun)
    if not any_written:
        raise UserError(f"none of the {len(targets)} files could be blurred; the first: {first}")


def _targets(source: Path, out: Path, pictures: list[Path]) -> dict[Path, Path]:
    """Where each picture's blurred copy goes."""
    if source.is_file():
        if written_format(out) is None:
            raise UserError(f"{out} should name a picture file (.jpg, .png, ...), as {source} is one picture")
        return {source: out}
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, but {source} is a folder: name a folder to write its pictures into")
    return {path: writable(out / path.relative_to(source)) for path in pictures}


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
    share = float((result != np.asarray(colours)).any(axis=-1).mean())
    blurred = Image.fromarray(result).convert("L" if picture.mode in ("L", "LA") else "RGB")
    if picture.mode in ("LA", "RGBA"):
        blurred.putalpha(picture.getchannel("A"))
    return blurred, share


def _colours(picture: Image.Image) -> Image.Image:
    """What a transparent picture shows if nothing of it is transparent."""
    bands = picture.split()[:-1]
    return Image.merge("RGB", bands if len(bands) == 3 else bands * 3)
