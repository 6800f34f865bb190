"""A frame laid over a net's input: how it shrinks, which cells of the mask lie where, and how strongly it is veiled."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import Finder
from edgeblur.export.tflite.graph import ImageEnd
from edgeblur.export.veil.boxes import BoxPlan, plan_boxes
from edgeblur.export.veil.pixels import PixelFormat, pixel_format
from edgeblur.records import Record

HOLDS = ("buffer", "live", "rows")
"""Who keeps the frame: the camera's driver, nobody, or rows until their mask is known."""

LEVELS = 8
"""Steps of alpha that a cell can have, beside 0."""
LONGEST_MEMORY = 15
"""Frames; alpha and memory of a cell share a byte."""
_LONGEST_SIDE = 8192


@dataclass(frozen=True)
class VeilOptions:
    """How strongly, how widely and how long a found face is veiled.

    Attributes:
        low: mask value 0 to 1 from which a cell begins to be veiled.
        full: mask value from which it is veiled fully.
        margin: cells by which what was found grows to all sides.
        share: eighths of its own width by which a run of cells grows to either side, and of its height up and down;
            only where the whole mask is known before it is used (`buffer`, `live`).
        memory: frames for which a cell stays veiled after it was last found.
        grid: pixels of the net's input, along each side, of the squares whose mean colours the veil is made of.
        smooth: whether each mean takes in its neighbours, weighed 1-2-1 in both directions.
    """

    low: float = 0.3
    full: float = 0.5
    margin: int = 0
    share: int = 0
    memory: int = 0
    grid: int = 16
    smooth: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.full <= 1:
            raise UserError(f"a veil begins at {self.low:g} and is full at {self.full:g}: not an ascent in 0 to 1")
        if not 0 <= self.memory <= LONGEST_MEMORY:
            raise UserError(f"memory is 0 to {LONGEST_MEMORY} frames, not {self.memory}")
        if not 0 <= self.margin <= 16 or not 0 <= self.share <= 16 or not 4 <= self.grid <= 64:
            raise UserError("a margin is 0 to 16 cells, a share 0 to 16 eighths, a grid 4 to 64 pixels")


@dataclass(frozen=True)
class PlanFacts(Record):
    """A plan as `--json` tells it.

    Attributes:
        frame, net: WIDTHxHEIGHT of the camera's frames and of the net's input.
        pixels: a name of `edgeblur.export.veil.pixels.FORMATS`.
        hold: one of `HOLDS`.
        tiles: how many the net looks at, one after the other; None where it sees the whole frame at once.
        veil: how found faces are veiled.
    """

    frame: str
    pixels: str
    hold: str
    net: str
    tiles: int | None
    veil: VeilOptions


@dataclass(frozen=True)
class Axis:
    """One direction of a frame over the same one of a net's input.

    Attributes:
        units: of the frame, pixels or pairs of them.
        net: pixels of the net's input.
        content: how many of these the frame covers, from the first on; the rest repeats the last one.
        cell: pixels of the net that a cell of the mask stands for.
        grid: the same of a square of mean colours.
    """

    units: int
    net: int
    content: int
    cell: int
    grid: int

    @property
    def unit_weight(self) -> int:
        """A unit and a pixel of the net are so many and `net_weight` parts of equal size."""
        return self.content // math.gcd(self.units, self.content)

    @property
    def net_weight(self) -> int:
        """See `unit_weight`; the weights that meet in a pixel of the net add up to this."""
        return self.units // math.gcd(self.units, self.content)

    @property
    def cells(self) -> int:
        """Cells of the mask that the frame lies over."""
        return -(-self.content // self.cell)

    @property
    def squares(self) -> int:
        """Squares of mean colours; the last one may be cut."""
        return -(-self.content // self.grid)

    def places(self, step: int) -> tuple[int, int, int]:
        """Where a unit's centre lies between the centres of cells or squares: `(a * x + b) // c - 128`, in 1/256.

        Args:
            step: `cell` or `grid`.
        """
        return 256 * self.content, 128 * self.content, self.units * step


@dataclass(frozen=True)
class Tiles:
    """A picture in parts of a finder's own size, which overlap by half, so that a face is whole in one.

    Attributes:
        width, height: of a tile, in pixels of the net.
        lefts, tops: where tiles begin, on whole cells.
    """

    width: int
    height: int
    lefts: tuple[int, ...]
    tops: tuple[int, ...]

    @classmethod
    def over(cls, picture: tuple[int, int], tile: tuple[int, int], cell: int) -> Tiles:
        """Cover a picture: both width and height, both in whole cells."""
        lefts, tops = (_starts(length, side, cell) for length, side in zip(picture, tile, strict=True))
        return cls(*tile, lefts, tops)

    @property
    def places(self) -> list[tuple[int, int]]:
        """Left and top of each, row by row."""
        return [(left, top) for top in self.tops for left in self.lefts]


def _starts(length: int, tile: int, cell: int) -> tuple[int, ...]:
    step = max(cell, tile // 2 // cell * cell)
    return (*range(0, length - tile, step), length - tile)


@dataclass(frozen=True)
class VeilPlan:
    """A frame, a finder's input and the options that lie between them.

    Attributes:
        width, height: of the frame, in pixels.
        pixels: how the camera writes them.
        hold: one of `HOLDS`.
        x, y: the frame over the net's input; x counts in units.
        end: of the finder: the mask's scale and zero point.
        boxes: of a detector, what its boxes are made of; its mask's steps are logits.
        options: of the veil.
        tiles: in which a net of one size looks at a larger picture; None where it sees all of it at once.
    """

    width: int
    height: int
    pixels: PixelFormat
    hold: str
    x: Axis
    y: Axis
    end: ImageEnd
    options: VeilOptions = field(default_factory=VeilOptions)
    boxes: BoxPlan | None = None
    tiles: Tiles | None = None

    @property
    def looks(self) -> int:
        """How often the finder runs for a frame."""
        return len(self.tiles.places) if self.tiles else 1

    @property
    def row_bytes(self) -> int:
        """Of a row of the frame."""
        return self.x.units * self.pixels.unit_bytes

    @property
    def total_weight(self) -> int:
        """What the weights of an area add up to that becomes a pixel of the net."""
        return self.x.net_weight * self.y.net_weight

    @cached_property
    def levels(self) -> bytes:
        """The level, 0 to `LEVELS`, of each step of the mask, by the step's unsigned value: 256 bytes."""
        assert self.end.scale is not None
        assert self.end.zero_point is not None
        steps = np.arange(256, dtype=np.uint8).view(self.end.dtype).astype(np.float64)
        real = (steps - self.end.zero_point) * np.float64(self.end.scale)
        if self.boxes is not None:
            real = 1 / (1 + np.exp(-real))
        share = (real - self.options.low) / (self.options.full - self.options.low)
        levels: bytes = np.clip(np.ceil(share * LEVELS - 1e-6), 0, LEVELS).astype(np.uint8).tobytes()
        return levels

    @property
    def facts(self) -> PlanFacts:
        """How it works, by name."""
        return PlanFacts(
            frame=f"{self.width}x{self.height}",
            pixels=self.pixels.name,
            hold=self.hold,
            net=f"{self.x.net}x{self.y.net}",
            tiles=self.looks if self.tiles else None,
            veil=self.options,
        )


def parse_size(text: str) -> tuple[int, int]:
    """Read `320x240`.

    Raises:
        UserError: it is something else.
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (0 < width <= _LONGEST_SIDE and 0 < height <= _LONGEST_SIDE):
        raise UserError(
            f"{text!r} is no size: write WIDTHxHEIGHT with sides from 1 to {_LONGEST_SIDE}, such as 320x240"
        )
    return width, height


def content_size(frame: tuple[int, int], net: tuple[int, int]) -> tuple[int, int]:
    """How large a frame is inside a net's input if it keeps its shape: as large as fits, one side all of it.

    Args:
        frame, net: width and height.
    """
    (width, height), (wide, tall) = frame, net
    if width * tall >= height * wide:
        return wide, max(1, (2 * height * wide + width) // (2 * width))
    return max(1, (2 * width * tall + height) // (2 * height)), tall


def fitting_finder(finder: Finder, frame: tuple[int, int]) -> Finder:
    """A finder rewritten so that its input has a frame's shape: its longer side stays, the other shrinks.

    A net that cannot be rewritten comes back as it is.
    """
    own = finder.input.width, finder.input.height
    try:
        multiple = finder.multiple
    except UserError:
        return finder
    wide, tall = (-(-side // multiple) * multiple for side in content_size(frame, own))
    return finder.resized(min(wide, own[0]), min(tall, own[1]))


def tiled_size(finder: Finder, frame: tuple[int, int], net: tuple[int, int]) -> tuple[int, int]:
    """The picture that a net of one size looks at in tiles: as large as a frame is in `net`, in whole cells."""
    own, cell = (finder.input.width, finder.input.height), finder.cell_px
    wide, tall = (
        max(side, -(-length // cell) * cell) for side, length in zip(own, content_size(frame, net), strict=True)
    )
    return wide, tall


def plan_veil(
    finder: Finder, frame: tuple[int, int], *, pixels: str = "rgb888", hold: str = "buffer",
    options: VeilOptions | None = None, net: tuple[int, int] | None = None,
) -> VeilPlan:  # fmt: skip
    """Lay frames over a finder's input as it is; `fitting_finder` gives it their shape before.

    Args:
        finder: int8.
        frame: width and height in pixels.
        pixels: a name of `FORMATS`.
        hold: one of `HOLDS`.
        options: by default a veil's own, with the clamp of the net that the finder was cut from.
        net: width and height of the picture that it looks at, in tiles if that is larger; by default its input's.

    Raises:
        UserError: unknown names, a size that the pixel format cannot have, or a finder that is float or of 16 bits.
    """
    layout, end = pixel_format(pixels), finder.output
    if hold not in HOLDS:
        raise UserError(f"unknown way to hold a frame {hold!r}: choose among {', '.join(HOLDS)}")
    if end.scale is None:
        raise UserError(f"{finder.graph.name} is a float net: quantize it first, with `edgeblur quantize --int8`")
    if end.dtype == "int16":
        raise UserError(
            f"{finder.graph.name} computes with 16 bits, and a veil goes by a mask of 8: quantize it with "
            "`edgeblur quantize --int8`"
        )
    if options is None:
        options = VeilOptions(*finder.clamp) if finder.clamp else VeilOptions()
    if hold == "rows" and options.share:
        raise UserError("a veil of rows cannot grow by a share: the whole face is not known when its first row leaves")
    if hold == "rows" and finder.heads:
        raise UserError("a detector knows its boxes when it has seen a whole frame: hold frames in a buffer or live")
    own = finder.input.width, finder.input.height
    net = net or own
    wide, tall = content_size(frame, net)
    x = Axis(layout.units(frame[0]), net[0], wide, finder.cell_px, options.grid)
    y = Axis(frame[1], net[1], tall, finder.cell_px, options.grid)
    boxes = plan_boxes(finder.graph, finder.heads, finder.cell_px) if finder.heads else None
    tiles = None if net == own else Tiles.over(net, own, finder.cell_px)
    return VeilPlan(*frame, layout, hold, x, y, end, options, boxes, tiles)
