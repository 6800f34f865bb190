"""Approach A and approach B under one roof: something that takes any picture and gives it back with faces blurred."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeblur.detectors.open import DETECTORS, open_detector
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import blurring_model
from edgeblur.firmware_harness.blurring.veils import Veiler, has_veil, open_veil
from edgeblur.firmware_harness.engines.engines import Engine, open_engine
from edgeblur.models.choose import choose_tflite
from edgeblur.models.read import read_model
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Floats, Pixels, resize, to_bytes

_OVERLAP = 4  # tiles overlap by a quarter of their side
_VERBS = {"blur": "blur", "pixelate": "pixelate", "black": "blacken"}
_SQUARES = 16  # along the longer side of a pixelated picture


FITS = ("veil", "resize", "tile")
"""How a model meets pictures of another size."""


@dataclass(frozen=True)
class Blurrer:
    """Something that blurs faces.

    Attributes:
        name: of the model or detector.
        how: what it does with pictures of other sizes than its own, for people.
        blur: an RGB picture to one of the same size.
        look: what it finds in a picture, `[height, width, 3]`: None where it finds and blurs in one.
        cover: the picture with what it found there, and in others around it, covered.
        veiler: what finds and covers, where that is a finder with the veil: it takes frames of videos as they are.
    """

    name: str
    how: str
    blur: Callable[[Image.Image], Image.Image]
    look: Callable[[Pixels], Any]
    cover: Callable[[Pixels, Any, Sequence[Any]], Pixels]
    veiler: Veiler | None = None


def open_blurrer(
    text: str, *, fit: str | None = None, model: str | None = None, engine: str = "litert", style: str = "blur",
    net: tuple[int, int] | None = None,
) -> Blurrer:  # fmt: skip
    """Open what `--with` names: a run or .tflite (approach B), `detector` or `detector:NAME` (approach A).

    Args:
        fit: one of `FITS`: `veil` lets a mask net find faces at its own size and veils them at the picture's, every
            other byte stays; `resize` shrinks the whole picture to the model's size and enlarges what comes out;
            `tile` keeps every pixel and runs overlapping tiles, but misses faces that are larger than a tile. None
            for the veil where the model has a mask, else `resize`.
        model: which model of a run.
        engine: one of `engines.ENGINES`.
        style: what is shown in place of faces, one of `reference.STYLES`.
        net: width and height of the picture that a mask net looks for faces in, as `Veiler` has it.

    Raises:
        UserError: nothing by that name, a model that gives something else than a picture of its input's size, a veil
            of a model without a mask, or a style for what is neither a veil nor a detector.
    """
    kind, _, name = text.partition(":")
    if kind == "detector" and not Path(text).exists():
        return detector_blurrer(name or DETECTORS[0], shown=style)
    chosen = choose_tflite(Path(text), model)
    graph = read_model(chosen.path)
    if fit == "veil" or (fit is None and has_veil(graph)):
        return veil_blurrer(open_veil(graph, engine=engine, style=style, net=net), chosen.name)
    if net is not None:
        raise UserError(f"{chosen.name} blurs whole pictures of its own size: another size is for models with a mask")
    if style != "blur":
        raise UserError(
            f"{chosen.name} blurs in its own way, so it cannot {_VERBS[style]}: use a model with a mask, or a detector"
        )
    blurring_model(graph)
    return model_blurrer(open_engine(engine, chosen.path), chosen.name, fit or "resize")


def veil_blurrer(veiler: Veiler, name: str) -> Blurrer:
    """Approach B at any size: a mask net finds, the veil covers at the picture's own size."""
    wide, tall = veiler.net or (veiler.finder.input.width, veiler.finder.input.height)
    size = f"{wide}x{tall}"
    how = f"faces found at up to {size}, veiled at the picture's own size; every other pixel stays as it was"

    def blur(picture: Image.Image) -> Image.Image:
        return Image.fromarray(veiler.blur(np.asarray(picture)))

    return Blurrer(name, how, blur, veiler.look, veiler.cover, veiler)


def detector_blurrer(name: str, style: BlurStyle | None = None, *, shown: str = "blur") -> Blurrer:
    """Approach A: a pretrained detector, and a blur (or what else is shown) inside the ellipses that it finds."""
    detector = open_detector(name)

    def covered(picture: Image.Image, faces: Sequence[Face]) -> Image.Image:
        blurred, mask = blur_faces(picture, faces, style)
        if shown == "blur":
            return blurred
        return Image.composite(_instead(picture, shown), picture, Image.fromarray(mask))

    def look(picture: Pixels) -> Sequence[Face]:
        return detector.detect(Image.fromarray(picture))

    def cover(picture: Pixels, own: Sequence[Face], around: Sequence[Sequence[Face]]) -> Pixels:
        faces = [*own, *(face for found in around for face in found)]
        return np.asarray(covered(Image.fromarray(picture), faces)) if faces else picture

    verb = {"blur": "blurred", "pixelate": "pixelated", "black": "blackened"}[shown]
    how = f"faces found by {name}, {verb} inside their ellipses, at full size"
    return Blurrer(f"detector:{name}", how, lambda p: covered(p, detector.detect(p)), look, cover)


def _instead(picture: Image.Image, shown: str) -> Image.Image:
    """What a whole picture would be if all of it were covered."""
    if shown == "black":
        return Image.new("RGB", picture.size)
    side = max(1, max(picture.size) // _SQUARES)
    small = picture.resize((-(-picture.width // side), -(-picture.height // side)), Image.Resampling.BOX)
    return small.resize((small.width * side, small.height * side), Image.Resampling.NEAREST).crop((0, 0, *picture.size))


def model_blurrer(engine: Engine, name: str, fit: str) -> Blurrer:
    """Approach B: a model outputs the blurred picture."""
    end = engine.model.input
    size = f"{end.width}x{end.height}"
    if fit == "tile":
        return at_once(name, f"in overlapping tiles of {size} at full size", lambda p: _in_tiles(engine, p))
    how = f"shrunk to the model's {size} and enlarged again, so detail finer than that is gone"
    return at_once(name, how, lambda p: _resized(engine, p))


def at_once(name: str, how: str, blur: Callable[[Image.Image], Image.Image]) -> Blurrer:
    """Something that finds and blurs in one: what is around a picture does not help it."""

    def cover(picture: Pixels, own: Any, around: Sequence[Any]) -> Pixels:
        return np.asarray(blur(Image.fromarray(picture)))

    return Blurrer(name, how, blur, lambda _: None, cover)


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
