"""The imperfect camera that looks at synthetic scenes: exposure, colour cast, blur, noise, compression."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from edgeblur.distill.data.synthetic.head import Rng
from edgeblur.pictures.images import Floats, to_bytes, to_floats


def _optics(rng: Rng, picture: Image.Image) -> Image.Image:
    """Out of focus, moved, or sharp; lengths follow the picture's size."""
    scale, fate = picture.width / 192, rng.random()
    if fate < 0.35:
        return picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1) * scale))
    if fate < 0.42:
        pixels, reach = np.asarray(picture, np.float32), int(rng.integers(1, 4))
        axis = int(rng.integers(2))
        moved: Floats = np.mean([np.roll(pixels, k, axis) for k in range(-reach, reach + 1)], axis=0)
        moved = np.take(moved, np.clip(np.arange(picture.width), reach, picture.width - reach - 1), axis)
        return Image.fromarray(np.rint(moved).astype(np.uint8))
    return picture


def _exposed(rng: Rng, light: Floats) -> Floats:
    """Exposure, contrast, colour cast, a darker rim, now and then low light or no colour."""
    dim = rng.random() < 0.15
    gain = rng.uniform(0.25, 0.55) if dim else rng.uniform(0.75, 1.15)
    tint = rng.normal(1, 0.05, 3).astype(np.float32)
    light = light ** np.float32(rng.uniform(0.8, 1.25)) * np.float32(gain) * tint
    if rng.random() < 0.3:
        at = np.linspace(-1, 1, light.shape[0], dtype=np.float32) ** 2
        light = light * (1 - np.float32(rng.uniform(0.1, 0.3)) * (at[None] + at[:, None]))[..., None]
    if rng.random() < 0.05:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    spread = rng.uniform(0.015, 0.05) if dim else rng.uniform(0.0, 0.025)
    grain: Floats = np.float32(spread) * rng.standard_normal(light.shape, np.float32)
    haze = np.float32(rng.uniform(0, 0.12))
    return light * (1 - haze) + haze * np.float32(0.6) + grain


def take_photo(rng: Rng, picture: Image.Image) -> Image.Image:
    """The picture as a cheap camera would hand it over."""
    pixels = to_bytes(_exposed(rng, to_floats(np.asarray(_optics(rng, picture)))))
    photo = Image.fromarray(pixels)
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=int(rng.integers(35, 93)))
        photo = Image.open(buffer).convert("RGB")
    return photo
