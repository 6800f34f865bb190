"""A mask net as a finder, and the veil at the picture's own size: what boards do with frames, on the host."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.plan import Tiles, VeilPlan, content_size, fitting_finder, plan_veil, tiled_size
from edgeblur.export.veil.reference import (
    Cells,
    Rows,
    colours,
    grow,
    mask_levels,
    mask_of,
    net_picture,
    shrink,
    veil,
    veil_rows,
)
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.pictures.images import Pixels

_SHAPES_KEPT = 8
"""Rewritten nets, by shape of the picture: a folder holds few shapes, and a video one."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a finder saw of a picture.

    Attributes:
        levels: `[cells, cells]`, grown: what is veiled, and how strongly.
        squares: mean colours, which the veil is made of.
        plan: of the picture.
    """

    levels: Cells
    squares: Pixels
    plan: VeilPlan


@dataclass(frozen=True, eq=False)
class Veiler:
    """A finder with the veil.

    Attributes:
        finder: at its own size; for each shape of a picture it is rewritten once.
        engine: what runs it, one of `engines.ENGINES`.
        style: what the veil shows, one of `reference.STYLES`.
        net: width and height of the picture that faces are looked for in, None for the finder's own; smaller faces are
            found in a larger one, for more work.
    """

    finder: Finder
    engine: str
    style: str
    net: tuple[int, int] | None = None

    @functools.cached_property
    def fitted(self) -> Callable[[tuple[int, int]], tuple[VeilPlan, Callable[[Pixels], NDArray[Any]]]]:
        """For a picture's width and height: how it lies over the finder's input, and what runs that finder."""

        @functools.lru_cache(_SHAPES_KEPT)
        def fitted(size: tuple[int, int]) -> tuple[VeilPlan, Callable[[Pixels], NDArray[Any]]]:
            if self.net is not None:
                return _enlarged(self.finder, size, self.net, self.engine)
            finder = fitting_finder(self.finder, size)
            plan = plan_veil(finder, size)
            return plan, run_finder(finder, plan, self.engine)

        return fitted

    def look(self, picture: Pixels) -> Look:
        """Find the faces of a picture, `[height, width, 3]` RGB."""
        height, width, _ = picture.shape
        return self.look_at(picture.reshape(height, -1), (width, height))

    def look_at(self, rows: Pixels | Rows, size: tuple[int, int]) -> Look:
        """Find the faces of a picture of that width and height, whose rows are `[height, 3 * width]` RGB."""
        plan, find = self.fitted(size)
        means = shrink(rows, plan)
        levels = grow(mask_levels(find(net_picture(means, plan)), plan), plan)
        return Look(levels, colours(means, plan), plan)

    def cover(self, picture: Pixels, own: Look, around: Sequence[Look] = ()) -> Pixels:
        """The picture with what was found veiled; every other byte is the picture's own.

        Args:
            picture: `[height, width, 3]` RGB.
            own: what was found in it.
            around: what was found in pictures before and behind it, of the same shape: veiled as well.
        """
        height, width, _ = picture.shape
        veiled = veil(picture.reshape(height, -1), levels_around(own, around), own.squares, own.plan, style=self.style)
        return veiled.reshape(height, width, 3)

    def cover_rows(self, part: Pixels, rows: slice, look: Look) -> Pixels:
        """Some rows of a picture, `[rows, width, 3]` RGB, and which they are, with what was found in it veiled."""
        veiled = part.reshape(len(part), -1).copy()
        veil_rows(veiled, rows, look.levels, look.squares, look.plan, style=self.style)
        return veiled.reshape(part.shape)

    def blur(self, picture: Pixels) -> Pixels:
        """Find and veil, `[height, width, 3]` RGB."""
        return self.cover(picture, self.look(picture))


def levels_around(own: Look, around: Sequence[Look]) -> Cells:
    """What is veiled of a picture: what was found in it, and in those around it that have its shape."""
    same = [look.levels for look in around if look.levels.shape == own.levels.shape]
    levels: Cells = np.maximum.reduce([own.levels, *same])
    return levels


def run_finder(finder: Finder, plan: VeilPlan, engine: str) -> Callable[[Pixels], NDArray[Any]]:
    """A finder in an engine: the plan's picture to its mask's steps, `[rows, columns]`.

    Args:
        finder: at the size of the plan's picture, or of its tiles.
        plan: of the frame; how sure a detector's boxes must be.
        engine: one of `engines.ENGINES`.
    """
    opened = open_engine(engine, finder.data, several=True)

    def find(picture: Pixels) -> NDArray[Any]:
        return mask_of(opened.run_all(to_raw(picture, opened.model.input)), plan)

    return find if plan.tiles is None else _in_tiles(find, plan.tiles, finder.cell_px)


def has_veil(graph: Graph) -> bool:
    """Whether a net can be a finder: it is int8, and has a mask or is a detector."""
    try:
        finder = finder_of(graph)
    except UserError:
        return False
    return finder.output.dtype in ("int8", "uint8")


def _enlarged(
    finder: Finder, size: tuple[int, int], net: tuple[int, int], engine: str
) -> tuple[VeilPlan, Callable[[Pixels], NDArray[Any]]]:
    """A finder for a larger or smaller picture: rewritten, or in tiles where it cannot be."""
    try:
        multiple = finder.multiple
    except UserError:
        plan = plan_veil(finder, size, net=tiled_size(finder, size, net))
        return plan, run_finder(finder, plan, engine)
    wide, tall = (-(-length // multiple) * multiple for length in content_size(size, net))
    resized = finder.resized(wide, tall)
    plan = plan_veil(resized, size)
    return plan, run_finder(resized, plan, engine)


def _in_tiles(find: Callable[[Pixels], NDArray[Any]], tiles: Tiles, cell: int) -> Callable[[Pixels], NDArray[Any]]:
    """A finder over tiles; where they overlap, the highest step of a cell counts."""

    def find_all(picture: Pixels) -> NDArray[Any]:
        height, width, _ = picture.shape
        steps: NDArray[Any] | None = None
        for left, top in tiles.places:
            part = find(np.ascontiguousarray(picture[top : top + tiles.height, left : left + tiles.width]))
            if steps is None:
                steps = np.full((height // cell, width // cell), np.iinfo(part.dtype).min, part.dtype)
            inside = steps[top // cell : top // cell + len(part), left // cell : left // cell + part.shape[1]]
            np.maximum(inside, part, out=inside)
        assert steps is not None
        return steps

    return find_all


def open_veil(
    graph: Graph, *, engine: str = "litert", style: str = "blur", net: tuple[int, int] | None = None
) -> Veiler:
    """Take a mask net or a detector as a finder.

    Args:
        graph: int8, with a mask in it, or a detector.
        engine: one of `engines.ENGINES`.
        style: one of `reference.STYLES`.
        net: as `Veiler` has it.

    Raises:
        UserError: the net has no mask and is no detector, or is a float net.
    """
    finder = finder_of(graph)
    plan_veil(finder, (finder.input.width, finder.input.height))  # refuses float nets
    return Veiler(finder, engine, style, net)


def open_approach(graph: Graph, source: Path | bytes, engine: str = "litert") -> tuple[str, Callable[[Pixels], Pixels]]:
    """Approach A for a detector, whose boxes are veiled as boards do it; B for a net that gives the picture.

    Args:
        graph: the net.
        source: its .tflite file, or its bytes.
        engine: one of `engines.ENGINES`.
    """
    if detector_heads(graph):
        return "A", open_veil(graph, engine=engine).blur
    return "B", open_engine(engine, source).blur
