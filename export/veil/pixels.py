"""How cameras write pixels: seven formats as units of one or two pixels, each with one to three components.

A unit is what shares its colour: one pixel, or the two pixels of a YUYV pair. All of the veil's geometry counts in
units, so that no colour leaks from a veiled pixel to its neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.pictures.arrays import Pixels

Ints = NDArray[np.signedinteger[Any]]


def _bytes(planes: Sequence[NDArray[Any]]) -> Pixels:
    together: Pixels = np.stack(planes, axis=-1).astype(np.uint8)
    return together


@dataclass(frozen=True)
class PixelFormat:
    """One way to write pixels.

    Attributes:
        name: as people type it.
        unit_pixels: pixels of a unit, side by side in a row.
        unit_bytes: bytes of it.
        maxima: the largest value of each component of a unit: red, green, blue; luma, blue and red difference; grey.
            The luma of a pair is the sum of both.
        parts: for each number of 8 bits in a unit, in the order of its bytes, which component it shows.
        kind: `rgb`, `yuv` or `gray`: what the components are.
    """

    name: str
    unit_pixels: int
    unit_bytes: int
    maxima: tuple[int, ...]
    parts: tuple[int, ...]
    kind: str

    @property
    def components(self) -> int:
        """How many a unit has."""
        return len(self.maxima)

    def units(self, width: int) -> int:
        """How many units a row of so many pixels has.

        Raises:
            UserError: it ends in the middle of one.
        """
        if width % self.unit_pixels:
            raise UserError(f"{self.name} writes pixels in pairs, so a row has an even number of them, not {width}")
        return width // self.unit_pixels

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of so many pixels."""
        return self.units(width) * self.unit_bytes

    @property
    def is_565(self) -> bool:
        """Whether a pixel is 16 bits: 5 of red, 6 of green, 5 of blue."""
        return self.name.startswith("rgb565")

    # Between bytes and numbers

    def sums(self, rows: Pixels) -> NDArray[np.uint16]:
        """The components of rows, as the mean of an area adds them up.

        Args:
            rows: `[height, row_bytes]`.

        Returns:
            `[height, units, components]`, each from 0 to its maximum.
        """
        units = rows.reshape(len(rows), -1, self.unit_bytes).astype(np.uint16)
        if self.is_565:
            word = self._words(units)
            return np.stack((word >> 11, word >> 5 & 63, word & 31), axis=-1)
        if sorted(self.parts) == list(range(self.components)):
            return units[..., [self.parts.index(c) for c in range(self.components)]] if self.parts[0] else units
        planes = [units[..., [i for i, part in enumerate(self.parts) if part == c]] for c in range(self.components)]
        return np.stack([plane.sum(axis=-1, dtype=np.uint16) for plane in planes], axis=-1)

    def _words(self, units: NDArray[np.uint16]) -> NDArray[np.uint16]:
        high, low = (1, 0) if self.name == "rgb565le" else (0, 1)
        return (units[..., high] << np.uint16(8)) | units[..., low]

    def values(self, units: Pixels) -> Pixels:
        """The numbers of units as 8 bits each: what is blended.

        Args:
            units: `[count, unit_bytes]`.

        Returns:
            `[count, len(parts)]`; the bits of 565 are repeated from above, so that 31 and 63 become 255.
        """
        if not self.is_565:
            return units
        word = self._words(units.astype(np.uint16))
        red, green, blue = word >> 11, word >> 5 & 63, word & 31
        wide = (red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2)
        return _bytes(wide)

    def bytes_of(self, values: Pixels) -> Pixels:
        """Numbers of 8 bits back to units: 565 drops the lowest bits. The inverse of `values`."""
        if not self.is_565:
            return values
        red, green, blue = (values[..., i].astype(np.uint16) for i in range(3))
        word = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
        pair = (word & 255, word >> 8) if self.name == "rgb565le" else (word >> 8, word & 255)
        return _bytes(pair)

    @property
    def blind_unit(self) -> bytes:
        """The bytes of a unit of middle grey: what is shown where nothing is known."""
        return self.bytes_of(np.full((1, len(self.parts)), 128, np.uint8)).tobytes()

    def to_rgb(self, values: Ints) -> Pixels:
        """Components of 8 bits each as the picture that a net takes: `[..., components]` to `[..., 3]`.

        YUV is that of JPEG (BT.601, full range), in 1/256.
        """
        if self.kind == "gray":
            return np.repeat(values, 3, axis=-1).astype(np.uint8)
        if self.kind == "rgb":
            return values.astype(np.uint8)
        y, u, v = values[..., 0], values[..., 1] - 128, values[..., 2] - 128
        planes = (y + (359 * v + 128 >> 8), y - (88 * u + 183 * v + 128 >> 8), y + (454 * u + 128 >> 8))
        return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)

    # Between pictures and frames

    def frame_of(self, picture: Pixels) -> Pixels:
        """A picture as a camera of this format would send it; the inverse of `picture_of`, but for what is rounded.

        Args:
            picture: `[height, width, 3]` RGB.

        Returns:
            `[height, row_bytes]`.
        """
        height, width, _ = picture.shape
        red, green, blue = (picture[..., i].astype(np.int64) for i in range(3))
        if self.kind == "gray":
            planes = [(19595 * red + 38470 * green + 7471 * blue + 32768) >> 16]
        elif self.kind == "rgb":
            planes = [red, green, blue]
        else:
            luma = (77 * red + 150 * green + 29 * blue + 128) >> 8
            others = (-43 * red - 85 * green + 128 * blue, 128 * red - 107 * green - 21 * blue)
            pairs = [(plane[:, ::2] + plane[:, 1::2] + 256 >> 9) + 128 for plane in others]
            u, v = (np.clip(pair, 0, 255) for pair in pairs)
            return self._woven(luma[:, ::2], luma[:, 1::2], u, v)
        values = _bytes([planes[part] for part in self.parts])
        return self.bytes_of(values).reshape(height, self.row_bytes(width))

    def _woven(self, even: Ints, odd: Ints, u: Ints, v: Ints) -> Pixels:
        order = (even, u, odd, v) if self.parts[0] == 0 else (u, even, v, odd)
        return _bytes(order).reshape(len(even), -1)

    def picture_of(self, frame: Pixels) -> Pixels:
        """A frame `[height, row_bytes]` as RGB, `[height, width, 3]`."""
        values = self.values(frame.reshape(len(frame), -1, self.unit_bytes)).astype(np.int64)
        if self.kind != "yuv":
            inverse = [self.parts.index(c) for c in range(self.components)]
            return self.to_rgb(values[..., inverse])
        y, (u,), (v,) = ([i for i, part in enumerate(self.parts) if part == c] for c in range(3))
        pairs = [np.stack((values[..., i], values[..., u], values[..., v]), axis=-1) for i in y]
        return self.to_rgb(np.stack(pairs, axis=2).reshape(len(frame), -1, 3))


FORMATS = {
    each.name: each
    for each in (
        PixelFormat("rgb888", 1, 3, (255, 255, 255), (0, 1, 2), "rgb"),
        PixelFormat("bgr888", 1, 3, (255, 255, 255), (2, 1, 0), "rgb"),
        PixelFormat("rgb565le", 1, 2, (31, 63, 31), (0, 1, 2), "rgb"),
        PixelFormat("rgb565be", 1, 2, (31, 63, 31), (0, 1, 2), "rgb"),
        PixelFormat("yuyv", 2, 4, (510, 255, 255), (0, 1, 0, 2), "yuv"),
        PixelFormat("uyvy", 2, 4, (510, 255, 255), (1, 0, 2, 0), "yuv"),
        PixelFormat("gray8", 1, 1, (255,), (0,), "gray"),
    )
}
"""By name. 565 in little endian is what most displays and esp32-camera call RGB565 in memory order; OV767x sends the
high byte first: big endian."""


def pixel_format(name: str) -> PixelFormat:
    """A format by its name.

    Raises:
        UserError: there is none.
    """
    if name not in FORMATS:
        raise UserError(f"unknown pixel format {name!r}: choose among {', '.join(FORMATS)}")
    return FORMATS[name]
