"""Between pictures and the numbers that a model takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import ImageEnd

if TYPE_CHECKING:  # Pillow takes a while to load, and tables need none
    from edgeblur.pictures.images import Floats, Pixels

Raw = NDArray[Any]
"""What goes into and comes out of a model: `[1, height, width, channels]` int8, uint8, int16 or float32."""


def value_range(end: ImageEnd) -> tuple[float, float]:
    """The real values that stand for black and white at one end of a model.

    Floats are taken as 0 to 1, edgeblur's own convention. For a quantized end, what its scale and zero point can
    express tells: beyond 8 only 0 to 255 makes sense, about as far below 0 as above means -1 to 1, else 0 to 1. Of 16
    bits, which reach as far below 0 as above whatever they mean, up to 8 is 0 to 1.
    """
    if end.scale is None or end.zero_point is None:
        return 0.0, 1.0
    limits = np.iinfo(end.dtype)
    low = (int(limits.min) - end.zero_point) * end.scale
    high = (int(limits.max) - end.zero_point) * end.scale
    if high > 8:
        return 0.0, 255.0
    return (-1.0, 1.0) if end.dtype != "int16" and -low > 0.7 * high else (0.0, 1.0)


def _to_steps(pixels: NDArray[np.uint8], end: ImageEnd) -> Raw:
    low, high = value_range(end)
    real = pixels / np.float64(255) * (high - low) + low
    if end.scale is None or end.zero_point is None:
        return real.astype(np.float32)
    limits = np.iinfo(end.dtype)
    steps: Raw = np.clip(np.rint(real / end.scale) + end.zero_point, limits.min, limits.max).astype(end.dtype)
    return steps


def to_raw(picture: Pixels, end: ImageEnd) -> Raw:
    """A picture in the form that a model takes; for a model of one channel it is made grey first.

    A model of neither one channel nor three gets red, green, blue, then the same turned round, and so on: numbers to
    compare engines with.

    Args:
        picture: `[height, width, 3]` bytes of the model's size.
        end: the model's input.

    Raises:
        ValueError: the picture has another size.
    """
    if picture.shape != (end.height, end.width, 3):
        raise ValueError(f"the model takes {end.height}x{end.width}x3 bytes, got {picture.shape}")
    return _to_steps(_with_channels(picture, end.channels)[None], end)


def _with_channels(picture: Pixels, channels: int) -> Pixels:
    if channels == 3:
        return picture
    if channels == 1:
        from PIL import Image

        return np.asarray(Image.fromarray(picture).convert("L"))[..., None]
    turned = [picture if n % 2 == 0 else picture[::-1, ::-1] for n in range(-(-channels // 3))]
    return np.concatenate(turned, axis=2)[..., :channels]


def from_raw(raw: Raw, end: ImageEnd) -> Floats:
    """A model's output as a picture: `[height, width, channels]`, 0 to 1, clipped."""
    real = raw[0].astype(np.float64)
    if end.scale is not None and end.zero_point is not None:
        real = (real - end.zero_point) * end.scale
    low, high = value_range(end)
    picture: Floats = np.clip((real - low) / (high - low), 0, 1).astype(np.float32)
    return picture


def pixel_table(end: ImageEnd) -> bytes:
    """What each pixel value 0 to 255 is to a quantized input: 256 steps, for firmware."""
    return _to_steps(np.arange(256, dtype=np.uint8), end).tobytes()


def step_table(end: ImageEnd) -> bytes:
    """Which pixel value each step of a quantized output stands for: 256 bytes, by the step's unsigned value."""
    steps = np.arange(256, dtype=np.uint8).view(end.dtype)
    pixels: NDArray[np.uint8] = np.rint(from_raw(steps[None], end) * 255).astype(np.uint8)  # clipped already
    return pixels.tobytes()


def pixel_bounds(end: ImageEnd) -> NDArray[np.int16]:
    """For each pixel value from 1 on that a 16-bit output reaches, the least step that stands for it or for more.

    So the pixel value of a step is how many of the bounds do not lie above it.
    """
    steps = np.arange(-(2**15), 2**15, dtype=np.int16)
    pixels = np.rint(from_raw(steps[None], end) * 255).astype(np.int64)
    first = np.searchsorted(pixels, np.arange(1, 256))
    bounds: NDArray[np.int16] = steps[first[first < len(steps)]]
    return bounds
