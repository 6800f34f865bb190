"""The veil in NumPy: this defines what each byte of a veiled frame is; the C on boards repeats it.

    frame -> sums over areas -> the net's picture, and mean colours in squares of it
    the finder's mask -> levels 0 to 8 a cell -> grown -> memory -> alpha at the frame's size
    frame where alpha is 0: untouched; elsewhere blended towards a smooth surface through the mean colours

All in integers. `shrink`, `grow`, `remember` and `veil` are the four steps; `Blurrer` puts them in the order of each
way to hold a frame.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.veil.boxes import mask_of_boxes
from edgeblur.export.veil.pixels import Ints
from edgeblur.export.veil.plan import LEVELS, Axis, VeilPlan
from edgeblur.pictures.arrays import Pixels

Cells = NDArray[np.uint8]
"""`[y.cells, x.cells]`: a level 0 to `LEVELS` each, or, remembered, `age << 4 | level`."""

_SHRUNK_TOGETHER = 32
_VEILED_TOGETHER = 64
"""Rows of a frame."""

_AXES_KEPT = 16
"""Matrices of weights that are kept: a video has few."""


class Rows(Protocol):
    """A frame whose rows are made when they are asked for: large ones need not be in memory as bytes."""

    def __getitem__(self, rows: slice, /) -> Pixels:
        """`[rows, row_bytes]`."""


Find = Callable[[Pixels], NDArray[Any]]
"""A finder: the picture `[y.net, x.net, 3]` to its mask's steps `[>= y.cells, >= x.cells]`."""


# The frame shrinks


@functools.lru_cache(_AXES_KEPT)
def _weights(axis: Axis) -> NDArray[np.float64]:
    """How much of each unit lies in each pixel of the net: `[units, content]`, whole numbers."""
    units, pixels = np.arange(axis.units)[:, None], np.arange(axis.content)[None]
    first = np.maximum(units * axis.unit_weight, pixels * axis.net_weight)
    last = np.minimum((units + 1) * axis.unit_weight, (pixels + 1) * axis.net_weight)
    weights: NDArray[np.float64] = np.maximum(last - first, 0).astype(np.float64)
    return weights


def shrink(frame: Pixels | Rows, plan: VeilPlan) -> Ints:
    """The mean of each area that becomes a pixel of the net, rounded, halves upwards.

    Args:
        frame: `[height, row_bytes]` as the camera wrote it, read once from top to bottom.
        plan: of the frame.

    Returns:
        `[y.content, x.content, components]`, 0 to 255 each.
    """
    # Matrix products are fast in floats, and sums of whole numbers are exact there up to 2**24 or 2**53.
    floats: type[np.floating[Any]] = np.float64
    if max(plan.pixels.maxima) * plan.total_weight < 2**24:
        floats = np.float32
    down: NDArray[np.floating[Any]] = _weights(plan.y).astype(floats)
    across: NDArray[np.floating[Any]] = _weights(plan.x).astype(floats)
    columns: NDArray[np.floating[Any]] = np.zeros((plan.y.content, plan.x.units * plan.pixels.components), floats)
    for rows in _stripes(plan.height, _SHRUNK_TOGETHER):
        met = np.flatnonzero(down[rows].any(axis=0))
        sums = plan.pixels.sums(frame[rows]).reshape(rows.stop - rows.start, -1).astype(floats)
        columns[met[0] : met[-1] + 1] += down[rows, met[0] : met[-1] + 1].T @ sums
    planes = np.ascontiguousarray(np.moveaxis(columns.reshape(plan.y.content, plan.x.units, -1), -1, 0))
    areas = (planes @ across).astype(np.int64)
    divisors = np.array(plan.pixels.maxima, np.int64)[:, None, None] * plan.total_weight
    return np.moveaxis((2 * 255 * areas + divisors) // (2 * divisors), 0, -1)


def _stripes(height: int, together: int) -> Iterator[slice]:
    """A frame's rows in parts, so that what is computed of them takes little memory beside the frame itself."""
    for first in range(0, height, together):
        yield slice(first, min(height, first + together))


def net_picture(means: Ints, plan: VeilPlan) -> Pixels:
    """What the finder sees, `[y.net, x.net, 3]`: the shrunk frame as RGB, its last row and column repeated."""
    rgb = plan.pixels.to_rgb(means)
    rest = (plan.y.net - plan.y.content, plan.x.net - plan.x.content)
    return np.pad(rgb, ((0, rest[0]), (0, rest[1]), (0, 0)), mode="edge")


def colours(means: Ints, plan: VeilPlan) -> Pixels:
    """The mean colours of squares of the net's picture, `[y.squares, x.squares, components]`: the veil's surface.

    A square at the end may be cut: its mean is that of what is there. With `smooth` the means of neighbours are mixed,
    1-2-1 down, then across, each rounded, halves upwards; a neighbour that is not there counts as the square itself.
    """
    grid = plan.options.grid
    starts = [np.arange(0, axis.content, grid) for axis in (plan.y, plan.x)]
    sums = np.add.reduceat(np.add.reduceat(means, starts[0], axis=0), starts[1], axis=1)
    sides = [
        np.minimum(start + grid, axis.content) - start for start, axis in zip(starts, (plan.y, plan.x), strict=True)
    ]
    count = (sides[0][:, None] * sides[1][None])[..., None]
    squares = (2 * sums + count) // (2 * count)
    if plan.options.smooth:
        for axis in (0, 1):
            squares = _mixed(squares, axis)
    result: Pixels = squares.astype(np.uint8)
    return result


def _mixed(squares: Ints, axis: int) -> Ints:
    pads = [(1, 1) if i == axis else (0, 0) for i in range(3)]
    padded = np.moveaxis(np.pad(squares, pads, mode="edge"), axis, 0)
    return np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:] + 2) >> 2, 0, axis)


# The mask grows and is remembered


def mask_of(outputs: Sequence[NDArray[Any]], plan: VeilPlan) -> NDArray[Any]:
    """A finder's outputs as its mask's steps, `[rows, columns]`; a detector's boxes are drawn into one.

    Args:
        outputs: as an engine gives them, `[1, height, width, channels]` each.
        plan: of the frame.
    """
    if plan.boxes is not None:
        return mask_of_boxes(outputs, plan.boxes, plan.levels)
    mask: NDArray[Any] = np.asarray(outputs[0])[0, :, :, 0]
    return mask


def mask_levels(steps: NDArray[Any], plan: VeilPlan) -> Cells:
    """The finder's mask as levels, `[y.cells, x.cells]`; what lies beside the frame is dropped.

    Args:
        steps: `[rows, columns]` in the finder's own numbers.
        plan: whose `levels` say what each step means.
    """
    table = np.frombuffer(plan.levels, np.uint8)
    return table[np.ascontiguousarray(steps[: plan.y.cells, : plan.x.cells]).view(np.uint8)]


def grow(levels: Cells, plan: VeilPlan) -> Cells:
    """Found cells and those around them.

    First by a share: each run of cells in a row is extended to both sides by `share` eighths of its length, rounded up,
    with its highest level; then the same in columns of the result. Then by the margin: each cell takes the highest
    level of those up to `margin` cells away, along both sides.
    """
    if plan.options.share and levels.any():
        levels = np.stack([_extended(row, plan.options.share) for row in levels])
        levels = np.stack([_extended(column, plan.options.share) for column in levels.T], axis=1)
    for _ in range(plan.options.margin):
        padded = np.pad(levels, 1)
        levels = np.maximum.reduce([padded[:-2], padded[1:-1], padded[2:]])
        levels = np.maximum.reduce([levels[:, :-2], levels[:, 1:-1], levels[:, 2:]])
    return levels


def _extended(line: Cells, share: int) -> Cells:
    result = line.copy()
    edges = np.flatnonzero(np.diff(np.concatenate(([0], line > 0, [0]))))
    for start, stop in edges.reshape(-1, 2).tolist():
        more = ((stop - start) * share + 7) >> 3
        around = slice(max(0, start - more), stop + more)
        outside = np.ones(len(line[around]), bool)
        outside[start - around.start : stop - around.start] = False
        result[around] = np.where(outside, np.maximum(result[around], line[start:stop].max()), result[around])
    return result


def remember(held: Cells, levels: Cells, plan: VeilPlan) -> Cells:
    """What is veiled after a frame: a cell stays as it was for `memory` frames after it was last found so strongly.

    Args:
        held: after the frame before, `age << 4 | level`.
        levels: what was found in this frame, grown.
        plan: with the memory.

    Returns:
        The new `age << 4 | level`; where the level is 0, so is the age.
    """
    age, level = held >> 4, held & 15
    seen, kept = levels >= level, age > 0
    level = np.where(seen | ~kept, levels, level)
    age = np.where(seen | ~kept, plan.options.memory, age - 1)
    return np.where(level > 0, age << 4 | level, 0).astype(np.uint8)


# The frame is veiled


@functools.lru_cache(_AXES_KEPT)
def _mix(axis: Axis, step: int, count: int) -> NDArray[np.float32]:
    """How each unit is interpolated between the centres of cells or squares: `[units, count]`, in 1/256.

    What is mixed in both directions stays below 2**24 and is whole: exact in float32.
    """
    a, b, c = axis.places(step)
    place = (a * np.arange(axis.units, dtype=np.int64) + b) // c - 128
    place = np.clip(place, 0, (count - 1) * 256)
    first = np.minimum(place >> 8, max(count - 2, 0))
    part, units = (place - first * 256).astype(np.float32), np.arange(axis.units)
    mix = np.zeros((axis.units, count), np.float32)
    mix[units, first] += 256 - part
    mix[units, np.minimum(first + 1, count - 1)] += part
    return mix


def alpha(held: Cells, plan: VeilPlan, rows: slice = slice(None), columns: slice = slice(None)) -> Ints:
    """How strongly each unit of a part is veiled, `[rows, columns]`, 0 to 256: levels interpolated between cells."""
    levels = (held & 15).astype(np.float32)
    down, across = (_mix(axis, axis.cell, axis.cells) for axis in (plan.y, plan.x))
    whole = down[rows] @ levels @ across[columns].T
    return (whole / (LEVELS << 8)).astype(np.int32)  # divided by a power of two: exact until it is rounded down


def surface(squares: Pixels, plan: VeilPlan, rows: slice, columns: slice) -> Ints:
    """The colours that units are blended towards, 0 to 255, of a part of the frame: `[rows, columns, components]`.

    Interpolated between the squares' centres, down and then across, rounded down once at the end.
    """
    count = plan.pixels.components
    down = _mix(plan.y, plan.y.grid, plan.y.squares)[rows]
    across = _mix(plan.x, plan.x.grid, plan.x.squares)[columns]
    tall = down @ squares.reshape(len(squares), -1).astype(np.float32)
    whole = np.moveaxis(tall.reshape(len(down), -1, count), -1, 0) @ across.T
    return np.moveaxis(whole.astype(np.int32) >> 16, 0, -1)


STYLES = ("blur", "pixelate", "black")
"""What a veil shows: a smooth surface through the mean colours, each square's mean colour, or nothing. Boards blur."""


def _towards(style: str, squares: Pixels, plan: VeilPlan, rows: slice, columns: slice) -> Ints:
    """What units are blended towards, `[rows, columns, components]`."""
    if style == "blur":
        return surface(squares, plan, rows, columns)
    down = np.arange(plan.height)[rows] * plan.y.content // plan.height // plan.y.grid
    across = np.arange(plan.x.units)[columns] * plan.x.content // plan.x.units // plan.x.grid
    coloured = squares.astype(np.int32)[down[:, None], across[None]]
    return coloured if style == "pixelate" else np.zeros_like(coloured)


def veil(frame: Pixels, held: Cells, squares: Pixels, plan: VeilPlan, *, style: str = "blur") -> Pixels:
    """A frame with its remembered cells veiled.

    Args:
        frame: `[height, row_bytes]`.
        held: from `remember`.
        squares: from `colours`, of this frame or the one before.
        plan: of the frame.
        style: one of `STYLES`.

    Returns:
        The same shape. A unit whose alpha is 0 is the frame's, bit for bit; a number v of another one becomes
        `(v * (256 - alpha) + s * alpha + 128) >> 8`, s being the surface.
    """
    result = frame.copy()
    for stripe in _stripes(plan.height, _VEILED_TOGETHER) if held.any() else ():
        veil_rows(result[stripe], stripe, held, squares, plan, style=style)
    return result


def veil_rows(
    part: Pixels, stripe: slice, held: Cells, squares: Pixels, plan: VeilPlan, *, style: str = "blur"
) -> None:
    """Veil a frame's rows `stripe` in place; the rest as `veil` has it.

    Args:
        part: these rows alone, `[rows, row_bytes]` without gaps.
    """
    units = part.reshape(len(part), plan.x.units, plan.pixels.unit_bytes)
    rows, columns = _reached(held, plan, stripe)
    if rows.start < rows.stop:
        inside = units[rows.start - stripe.start : rows.stop - stripe.start, columns]
        _veil_part(inside, held, (rows, columns), squares, plan, style)


def _reached(held: Cells, plan: VeilPlan, stripe: slice) -> tuple[slice, slice]:
    """The rows of a stripe, and the columns, that what is held in cells may reach."""
    down, across = (_mix(axis, axis.cell, axis.cells) for axis in (plan.y, plan.x))
    near = held[down[stripe].any(axis=0)]
    tall = np.flatnonzero(down[stripe][:, held.any(axis=1)].any(axis=1))
    wide = np.flatnonzero(across[:, near.any(axis=0)].any(axis=1))
    if not len(tall) or not len(wide):
        return slice(0, 0), slice(0, 0)
    return slice(stripe.start + tall[0], stripe.start + tall[-1] + 1), slice(wide[0], wide[-1] + 1)


def _veil_part(
    inside: Pixels, held: Cells, part: tuple[slice, slice], squares: Pixels, plan: VeilPlan, style: str
) -> None:
    """Veil units in place, which are those rows and columns of the frame's."""
    strength = alpha(held, plan, *part)[..., None].astype(np.uint16)
    towards = _towards(style, squares, plan, *part).astype(np.uint16)
    if plan.pixels.parts != tuple(range(plan.pixels.components)):
        towards = towards[..., list(plan.pixels.parts)]
    # Where the strength is 0 this gives the values back, bit for bit; 255 * 256 + 128 has room in 16 bits.
    blended = (plan.pixels.values(inside) * (256 - strength) + towards * strength + 128) >> 8
    inside[...] = plan.pixels.bytes_of(blended.astype(np.uint8))


def blind(plan: VeilPlan) -> Pixels:
    """A frame of which nothing is shown: middle grey."""
    return np.tile(np.frombuffer(plan.pixels.blind_unit, np.uint8), (plan.height, plan.x.units))


# Frame after frame


@dataclass
class Blurrer:
    """Frames one after the other, held in one of the three ways.

    `buffer` and `rows` veil a frame by its own mask, `live` by that of the frame before and by its colours: there the
    first frame is blind.

    Attributes:
        plan: of the frames.
        find: the finder.
        held: what is remembered; None before the first frame.
        squares: the veil's colours; None before the first frame.
    """

    plan: VeilPlan
    find: Find
    held: Cells | None = field(default=None, init=False)
    squares: Pixels | None = field(default=None, init=False)

    def blur(self, frame: Pixels) -> Pixels:
        """The next frame, veiled: `[height, row_bytes]` as the camera wrote it, and the same back."""
        before = self.held, self.squares
        self._look(frame)
        held, squares = before if self.plan.hold == "live" else (self.held, self.squares)
        return blind(self.plan) if held is None or squares is None else veil(frame, held, squares, self.plan)

    def forget(self) -> None:
        """As after a frame that did not come whole: everything is veiled until the next one."""
        self.held = self.squares = None

    def _look(self, frame: Pixels) -> None:
        plan = self.plan
        means = shrink(frame, plan)
        levels = grow(mask_levels(self.find(net_picture(means, plan)), plan), plan)
        held = np.zeros_like(levels) if self.held is None else self.held
        self.held, self.squares = remember(held, levels, plan), colours(means, plan)
