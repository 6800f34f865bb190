"""Approach A and approach B under one roof: something that takes any picture and gives it back with faces blurred."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur.detectors.open import DETECTORS, open_detector
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import blurring_model
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.engines.engines import Engine, open_engine
from edgeblur.models.choose import choose_tflite, read_model
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.formats import writable, written_format
from edgeblur.pictures.images import Floats, encoded, find_pictures, load_picture, resize, to_bytes
from edgeblur.progress import track

_OVERLAP = 4  # tiles overlap by a quarter of their side


@dataclass(frozen=True)
class Blurrer:
    """Something that blurs faces: `how` tells a person what it does with pictures of other sizes than its own."""

    name: str
    how: str
    blur: Callable[[Image.Image], Image.Image]


def open_blurrer(text: str, *, fit: str = "resize", model: str | None = None, engine: str = "litert") -> Blurrer:
    """Open what `--with` names: a run or .tflite (approach B), `detector` or `detector:NAME` (approach A).

    Args:
        fit: how a model meets pictures of another size: `resize` shrinks the whole picture to the model's size and
            enlarges what comes out; `tile` keeps every pixel and runs overlapping tiles, but misses faces that are
            larger than a tile.
        model: which model of a run.

    Raises:
        UserError: nothing by that name, or a model that gives something else than a picture of its input's size.
    """
    kind, _, name = text.partition(":")
    if kind == "detector" and not Path(text).exists():
        return detector_blurrer(name or DETECTORS[0])
    chosen = choose_tflite(Path(text), model)
    blurring_model(read_model(chosen.path))
    return model_blurrer(open_engine(engine, chosen.path), chosen.name, fit)


def detector_blurrer(name: str, style: BlurStyle | None = None) -> Blurrer:
    """Approach A: a pretrained detector, and a blur inside the ellipses that it finds."""
    detector = open_detector(name)

    def blur(picture: Image.Image) -> Image.Image:
        return blur_faces(picture, detector.detect(picture), style)[0]

    return Blurrer(f"detector:{name}", f"faces found by {name}, blurred inside their ellipses, at full size", blur)


def model_blurrer(engine: Engine, name: str, fit: str) -> Blurrer:
    """Approach B: a model puts out the blurred picture."""
    end = engine.model.input
    size = f"{end.width}x{end.height}"
    if fit == "tile":
        return Blurrer(name, f"in overlapping tiles of {size} at full size", lambda p: _in_tiles(engine, p))
    how = f"shrunk to the model's {size} and enlarged again, so detail finer than that is gone"
    return Blurrer(name, how, lambda p: _resized(engine, p))


def _resized(engine: Engine, picture: Image.Image) -> Image.Image:
    """Shrink, pad to the model's shape with the border's colours, run, cut the padding off, enlarge."""
    end = engine.model.input
    scale = max(picture.width / end.width, picture.height / end.height)
    wide, tall = max(1, round(picture.width / scale)), max(1, round(picture.height / scale))
    small = np.asarray(resize(picture, wide, tall))  # before the padding: of a strip it would make a huge square
    padded = np.pad(small, ((0, end.height - tall), (0, end.width - wide), (0, 0)), mode="edge")
    return resize(Image.fromarray(engine.blur(padded)).crop((0, 0, wide, tall)), *picture.size)


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin so that they cover `length` pixels, overlap evenly and stay inside."""
    if length <= tile:
        return [0]
    count = math.ceil((length - tile) / (tile - tile // _OVERLAP)) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def _in_tiles(engine: Engine, picture: Image.Image) -> Image.Image:
    """Run overlapping tiles and blend them, each fading out towards its border."""
    end = engine.model.input
    tall, wide = max(end.height, picture.height), max(end.width, picture.width)
    pixels = np.asarray(picture)
    padded = np.pad(pixels, ((0, tall - picture.height), (0, wide - picture.width), (0, 0)), mode="edge")
    fade = _fade(end.height)[:, np.newaxis, np.newaxis] * _fade(end.width)[np.newaxis, :, np.newaxis]
    total, weight = np.zeros((tall, wide, 3), np.float32), np.zeros((tall, wide, 1), np.float32)
    for top in _starts(tall, end.height):
        for left in _starts(wide, end.width):
            window = (slice(top, top + end.height), slice(left, left + end.width))
            total[window] += engine.infer(np.ascontiguousarray(padded[window])) * fade
            weight[window] += fade
    return Image.fromarray(to_bytes(total / weight)).crop((0, 0, picture.width, picture.height))


def _fade(length: int) -> Floats:
    """1 in the middle of a tile, falling towards both ends over the overlap, never 0."""
    distance = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1))
    return np.minimum(1.0, distance / max(1, length // _OVERLAP)).astype(np.float32)


def blur_files(source: Path, out: Path, blurrer: Blurrer, *, force: bool, skipped: list[str]) -> Iterator[Path]:
    """Blur a picture into a file, or a folder's pictures into a folder under the same names; yields what was written.

    A picture whose format is only read (`a.ico`) is written as `a.ico.png`. One that cannot be read, blurred or written
    in its format is told in `skipped`, as is all else that the folder holds, and never stops the rest.

    Raises:
        UserError: nothing to read, a result that is there already (without `force`), or `out` would be the source; and,
            at the end, that not one picture could be blurred.
    """
    targets = _targets(source, out, find_pictures(source, skipped))
    for path, target in targets.items():
        if target.resolve() == path.resolve():
            raise UserError(f"{target} is the picture itself: write the blurred one elsewhere")
        if target.exists() and not force:
            raise UserError(f"{target} exists already: choose another place, or add --force to replace it")
    first: UserError | None = None
    any_written = False
    for path, target in track(targets.items(), "blurring", total=len(targets)):
        try:
            data = _blurred(path, target, blurrer, skipped)
        except UserError as error:
            skipped.append(str(error))
            first = first or error
            continue
        write_bytes(target, data)
        any_written = True
        yield target
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


def _blurred(path: Path, target: Path, blurrer: Blurrer, remarks: list[str]) -> bytes:
    """One picture's blurred copy as a file, in the colours that its profile says.

    Raises:
        UserError: it cannot be read, needs more memory than there is, or cannot be written in that format.
    """
    picture = load_picture(path, remarks)
    try:
        blurred = blurrer.blur(picture)
    except MemoryError as error:
        size = f"{picture.width}x{picture.height}"
        raise UserError(f"{path} ({size} pixels) needs more memory than there is to be blurred") from error
    blurred.info = dict(picture.info)
    return encoded(target, blurred)
