"""Where everything in the picture of a memory plan goes: numbers for plan.svg.j2, which draws them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.planning.schedule import Rows
from edgeblur.export.stream.report.plan_summary import PlaneRows, PlanSummary

WIDTH, HEIGHT = 1000, 760
"""Of the drawing, in its own units."""
LEFT, RIGHT = 84, 748
"""Of both panels; the legend is to the right."""
STACK = (112, 412)
"""Top and bottom of the upper panel: bytes alive over time."""
MAP = (484, 704)
"""Top and bottom of the lower one: which row lies where."""

_NAMED = 7
_SHARE = 0.025
"""So many planes, and none that takes a smaller share at the worst moment, get a colour of their own."""
_OTHERS, _TWICE = 8, 7
"""Colours of those, and of planes that are made twice and too small for a colour of their own."""
_LEGEND_STEP = 36
_LONGEST_NAME = 26


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Layer:
    """One plane, or several that share a colour.

    Attributes:
        name, told: two lines of the legend.
        colour: its number in the style sheet.
        twice: it is made twice, and hatched.
        bytes: alive at the worst moment.
        area: SVG path in the upper panel: this layer and all below it.
        places: SVG path of its rows in the lower panel.
        gap: width of the lines between those.
        legend: where its legend goes, y.
    """

    name: str
    told: str
    colour: int
    twice: bool
    bytes: int
    area: str
    places: str
    gap: float
    legend: float


@dataclass(frozen=True)
class PlanPicture:
    """All places and texts of the drawing; layers from the bottom of the stack to its top."""

    title: str
    subtitle: str
    layers: tuple[Layer, ...]
    x_ticks: tuple[Tick, ...]
    stack_ticks: tuple[Tick, ...]
    map_ticks: tuple[Tick, ...]
    worst: Tick
    worst_y: float
    worst_anchor: str
    left: int = LEFT
    right: int = RIGHT
    width: int = WIDTH
    height: int = HEIGHT
    stack: tuple[int, int] = STACK
    map: tuple[int, int] = MAP


@dataclass(frozen=True)
class _Group:
    """Planes that share a colour."""

    name: str
    colour: int
    twice: bool
    planes: tuple[PlaneRows, ...]

    @property
    def bytes(self) -> int:
        return sum(plane.worst_bytes for plane in self.planes)


def _groups(summary: PlanSummary) -> list[_Group]:
    """The greediest planes one by one, the greediest first, then those made twice, then the rest."""
    named = [plane for plane in summary.largest[:_NAMED] if plane.worst_share >= _SHARE]
    rest = [plane for plane in summary.planes if plane not in named and plane.most_rows]
    twice = tuple(plane for plane in rest if plane.recomputes is not None)
    others = tuple(plane for plane in rest if plane.recomputes is None)
    groups = [_Group(plane.name, i, plane.recomputes is not None, (plane,)) for i, plane in enumerate(named)]
    for name, colour, planes in (("made again", _TWICE, twice), ("others", _OTHERS, others)):
        if planes:
            told = planes[0].name if len(planes) == 1 else f"{len(planes)} {name}, {_rows(planes)} at most"
            groups.append(_Group(told, colour, colour == _TWICE, planes))
    return groups


def _told(group: _Group, live_bytes: int) -> str:
    """A legend's second line."""
    size = f"{group.bytes:,} B, {group.bytes / live_bytes:.0%}"
    return f"{_rows(group.planes)}, {size}" if len(group.planes) == 1 else size


def _rows(planes: Sequence[PlaneRows]) -> str:
    count = max(plane.worst_rows for plane in planes)
    return f"{count} row{'' if count == 1 else 's'}"


def _clipped(name: str) -> str:
    name = "".join(c if c.isprintable() else "?" for c in name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


@dataclass(frozen=True)
class _Scale:
    """Numbers from 0 to `most` laid along a side of a panel."""

    most: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return round(self.start + value / self.most * (self.end - self.start), 1)


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    """Three to six round numbers of bytes."""
    rough = scale.most / 5
    unit = 10 ** (len(str(int(rough))) - 1)
    step = next(unit * s for s in (1, 2, 5, 10) if unit * s >= rough)
    return tuple(Tick(scale.at(value), f"{value:,}") for value in range(0, int(scale.most) + 1, step))


def _picture_ticks(compiled: Compiled, scale: _Scale) -> tuple[Tick, ...]:
    """When every so many picture rows have been taken in."""
    taken = [at for at, step in enumerate(compiled.schedule.steps) if step.node == 0]
    every = next(n for n in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 2**15) if n * 9 >= len(taken))
    ticks: list[Tick] = []
    for row in range(every, len(taken) + 1, every):
        at = scale.at(taken[row - 1] + 1)
        if not ticks or at - ticks[-1].at > 24:
            ticks.append(Tick(at, f"{row}"))
    return tuple(ticks)


def _series(rows: Sequence[Rows], steps: int, colour_of: Sequence[int], groups: int) -> NDArray[np.int64]:
    """Bytes alive, `[groups, steps]`."""
    change = np.zeros((groups, steps + 1), np.int64)
    for row in rows:
        change[colour_of[row.node], row.birth] += row.size_bytes
        change[colour_of[row.node], row.death + 1] -= row.size_bytes
    return change.cumsum(axis=1)[:, :-1]


def _columns(total: NDArray[np.int64], count: int) -> list[int]:
    """Of each of so many spans of steps, the one in which most is alive: thinned out, the worst moment stays."""
    edges = [len(total) * i // count for i in range(count + 1)]
    return [start + int(total[start:stop].argmax()) for start, stop in itertools.pairwise(edges)]


def _area(heights: Sequence[int], x: _Scale, y: _Scale) -> str:
    """Path of a staircase above the panel's lower edge; `x` counts columns."""
    path, before = [f"M{x.start:g} {y.start:g}"], -1
    for column, height in enumerate(heights):
        if height != before:
            path.append(f"H{x.at(column):g}V{y.at(height):g}")
            before = height
    return "".join(path) + f"H{x.end:g}V{y.start:g}Z"


def _rectangles(compiled: Compiled, nodes: set[int], x: _Scale, y: _Scale) -> str:
    """Path of all rows of some planes: from birth to death, from address to address."""
    path = []
    for row in compiled.schedule.rows:
        if row.node in nodes:
            address = compiled.plan.addresses[row.node, row.row]
            left, right = x.at(row.birth), x.at(row.death + 1)
            bottom, top = y.at(address), y.at(address + row.size_bytes)
            path.append(f"M{left:g} {bottom:g}V{top:g}H{right:g}V{bottom:g}Z")
    return "".join(path)


def _layers(compiled: Compiled, summary: PlanSummary, stack: _Scale, places: _Scale) -> tuple[Layer, ...]:
    groups, steps = _groups(summary), len(compiled.schedule.steps)
    group_of = [0] * len(compiled.net.nodes)
    for i, group in enumerate(groups):
        for plane in group.planes:
            group_of[plane.node] = i
    series = _series(compiled.schedule.rows, steps, group_of, len(groups))
    count = min(steps, RIGHT - LEFT)
    heights = series.cumsum(axis=0)[:, _columns(series.sum(axis=0), count)]
    columns, time = _Scale(count, LEFT, RIGHT), _Scale(steps, LEFT, RIGHT)
    return tuple(
        Layer(
            _clipped(group.name), _told(group, summary.live_bytes), group.colour, group.twice, group.bytes,
            _area(heights[i].tolist(), columns, stack),
            _rectangles(compiled, {plane.node for plane in group.planes}, time, places),
            round(min([0.5, *((MAP[1] - places.at(plane.row_bytes)) / 8 for plane in group.planes)]), 2),
            STACK[0] + 12 + (len(groups) - 1 - i) * _LEGEND_STEP,
        )
        for i, group in enumerate(groups)
    )  # fmt: skip


def plan_picture(compiled: Compiled, summary: PlanSummary) -> PlanPicture:
    """Lay out the picture of a plan."""
    stack = _Scale(summary.arena_bytes * 1.06, STACK[1], STACK[0])
    places = _Scale(summary.arena_bytes, MAP[1], MAP[0])
    time = _Scale(len(compiled.schedule.steps), LEFT, RIGHT)
    worst = time.at(compiled.schedule.worst_step + 0.5)
    told = f"worst moment: {summary.live_bytes:,} B, after {summary.worst_picture_rows} picture rows"
    once = max(1, summary.macs - summary.macs_recomputed)  # a net of pools and tables has none
    again = f"; {summary.macs_recomputed / once:.1%} more MACs to save RAM"
    return PlanPicture(
        title=f"{_clipped(summary.name)}: {summary.ram_bytes:,} B of RAM",
        subtitle=f"{summary.arena_bytes:,} B of kept rows, {summary.scratch_bytes:,} B of scratch, "
        f"{summary.counter_bytes:,} B of counters, {summary.row_bytes:,} B for the caller's two rows"
        + (again if summary.macs_recomputed else ""),
        layers=_layers(compiled, summary, stack, places),
        x_ticks=_picture_ticks(compiled, time),
        stack_ticks=_ticks(stack),
        map_ticks=_ticks(places),
        worst=Tick(worst, told),
        worst_y=stack.at(summary.live_bytes),
        worst_anchor="start" if worst < (LEFT + RIGHT) / 2 else "end",
    )
