"""Numbers that spare a veil's C its divisions, each proven exact here, when the C is written.

A frame's geometry is known by then. So a mean of a sum becomes a product and a shift, places between cells grow by a
constant from unit to unit, and the weights of a row repeat after a few units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgeblur.export.veil.plan import Axis, VeilPlan

_LARGEST_SUM = 1 << 20
"""Above this a product that stands for a division has no room in 32 bits."""

_PACKED_WEIGHT = 32
"""What weights may add up to: so many times 63 have room in 11 bits."""

_LONGEST_PERIOD = 16
"""Units, or pixels of the net, that C is written for one by one."""


def sum_bytes(largest: int) -> int:
    """The smallest unsigned type of 2 bytes or more that has room."""
    return next(size for size in (2, 4, 8) if largest < 1 << 8 * size)


@dataclass(frozen=True)
class Packing:
    """What of 565 is added up in one word: red, green and blue of units, and of pixels of the net."""

    units: bool
    sums: bool

    @classmethod
    def of(cls, plan: VeilPlan) -> Packing:
        """As far as there is room."""
        units = plan.pixels.is_565 and plan.x.net_weight <= _PACKED_WEIGHT
        return cls(units, units and plan.total_weight <= _PACKED_WEIGHT)


@dataclass(frozen=True)
class Sums:
    """The net's row in the making: so many elements of so many bytes, `per_pixel` of them for each pixel."""

    size: int
    per_pixel: int
    count: int

    @classmethod
    def of(cls, plan: VeilPlan) -> Sums:
        """As small as they can be."""
        packed, count = Packing.of(plan).sums, plan.pixels.components
        size, per_pixel = (4, 1) if packed else (sum_bytes(max(plan.pixels.maxima) * plan.total_weight), count)
        return cls(size, per_pixel, plan.x.content * per_pixel)


@dataclass(frozen=True)
class Mean:
    """How a sum becomes a mean of 8 bits: `(sum * factor + divisor / 2) / divisor`, halves upwards.

    Attributes:
        factor, divisor: without a common divisor.
        largest: of the sums.
    """

    factor: int
    divisor: int
    largest: int

    @classmethod
    def of(cls, maximum: int, weight: int) -> Mean:
        """Of values of 0 to `maximum`, whose weights add up to `weight`."""
        common = math.gcd(255, maximum)
        return cls(255 // common, maximum // common * weight, maximum * weight)

    @property
    def dividend(self) -> int:
        """The largest."""
        return self.largest * self.factor + self.divisor // 2

    @property
    def product(self) -> tuple[int, int, int] | None:
        """Factor, summand and shift in 32 bits that give the same for every sum; None if there are none."""
        if self.largest > _LARGEST_SUM:
            return None
        sums = np.arange(self.largest + 1, dtype=np.int64)
        means = (sums * self.factor + self.divisor // 2) // self.divisor
        for shift in range(24, 7, -1):
            factor = (self.factor << shift) // self.divisor
            rest = (means << shift) - sums * factor  # what must be added at least, and less than a step more
            summand = max(int(rest.max()), 0)
            if summand < int(rest.min()) + (1 << shift) and self.largest * factor + summand < 1 << 32:
                return factor, summand, shift
        return None


@dataclass(frozen=True)
class Walk:
    """Where units lie between the centres of cells or squares, as 64-bit numbers that grow by a constant.

    Attributes:
        first, step: `first + i * step` is the place of unit i, in 1/256, counted from one cell before the first
            centre; its upper 32 bits are the place rounded down.
        edge, edge_step: `edge + i * edge_step` is the first unit behind centre i, in its upper 32 bits.
    """

    first: int
    step: int
    edge: int
    edge_step: int

    @classmethod
    def of(cls, axis: Axis, step: int, count: int) -> Walk:
        """Over `count` cells or squares that are `step` pixels of the net wide."""
        a, b, c = axis.places(step)
        b += 128 * c  # one before the first centre: 256 - 128
        walk = cls(_fixed(b, c), _fixed(a, c), _fixed(256 * c - b + a - 1, a), _fixed(256 * c, a))
        units, centres = np.arange(axis.units, dtype=np.int64), np.arange(count + 1, dtype=np.int64)
        assert ((walk.first + units * walk.step) >> 32 == (a * units + b) // c).all()
        assert ((walk.edge + centres * walk.edge_step) >> 32 == -((b - 256 * c * (centres + 1)) // a)).all()
        return walk


def _fixed(numerator: int, denominator: int) -> int:
    """In 1/2**32, rounded up: as many steps as a side has do not add up to the next whole number."""
    return -(-(numerator << 32) // denominator)


@dataclass(frozen=True)
class NetPixel:
    """What a pixel of the net is made of, within a period.

    Attributes:
        whole: units that lie in it entirely.
        parts: others, and how much of them.
    """

    whole: tuple[int, ...]
    parts: tuple[tuple[int, int], ...]


def period(axis: Axis) -> list[NetPixel]:
    """The pixels of the net that `net_weight` units become; after them all repeats. Empty if these are too many."""
    if max(axis.unit_weight, axis.net_weight) > _LONGEST_PERIOD:
        return []
    return [NetPixel(*_met(axis, pixel)) for pixel in range(axis.unit_weight)]


def _met(axis: Axis, pixel: int) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    met = list(_weights(axis, pixel))
    whole = tuple(unit for unit, weight in met if weight == axis.unit_weight)
    return whole, tuple((unit, weight) for unit, weight in met if weight < axis.unit_weight)


def _weights(axis: Axis, pixel: int) -> Iterator[tuple[int, int]]:
    start, stop = pixel * axis.net_weight, (pixel + 1) * axis.net_weight
    for unit in range(start // axis.unit_weight, -(-stop // axis.unit_weight)):
        first, last = unit * axis.unit_weight, (unit + 1) * axis.unit_weight
        yield unit, min(last, stop) - max(first, start)
