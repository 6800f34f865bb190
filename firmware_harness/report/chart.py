"""Scatter charts as numbers: where points, ticks and labels of an inline SVG go. chart.html.j2 draws them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 340
"""Of the drawing, in its own units."""
LEFT, RIGHT, TOP, BOTTOM = 52, 544, 26, 292
"""Of the area inside the axes."""

_CHARACTER, _BOLD = 6.6, 7.4  # about how wide a letter of the labels is, and of a series' name
_LINE = 13.0  # how tall a label is
_DOT = 7.0  # what a point needs around its centre
_SPREAD = 0.08  # free space around the points, as a share of the range


_Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Point:
    """One measured model.

    Attributes:
        series: points of one series are joined and share a colour: a model's float and int8 form.
        title: what it is, shown when the mouse rests on it.
        solid: filled (int8) or hollow (float).
    """

    series: str
    title: str
    x: float
    y: float
    solid: bool


@dataclass(frozen=True)
class Level:
    """A yardstick: a line across the chart at height `y`."""

    label: str
    y: float


@dataclass(frozen=True)
class Mark:
    """A place in the drawing with something written there (a tick, a label) or shown by it (a point)."""

    x: float
    y: float
    text: str
    solid: bool = False


@dataclass(frozen=True)
class Series:
    """One model's marks in the drawing, the place of its name, and its colour's number."""

    name: str
    colour: int
    marks: tuple[Mark, ...]
    label: Mark


@dataclass(frozen=True)
class Chart:
    """All places of a scatter chart, in the units of `WIDTH` x `HEIGHT`."""

    title: str
    x_title: str
    y_title: str
    x_ticks: tuple[Mark, ...]
    y_ticks: tuple[Mark, ...]
    levels: tuple[Mark, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class _Axis:
    """A range of values laid along a range of the drawing, evenly or by its logarithm."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        low, high, value = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)


def scatter(
    points: Sequence[Point], levels: Sequence[Level], *, title: str, x_title: str, y_title: str, percent: bool = False
) -> Chart | None:
    """Lay out a chart over a logarithmic x axis, None if there is no point.

    Args:
        points: x above 0.
        levels: yardsticks, drawn across.
        percent: y is a share from 0 to 1, and the axis goes from 0 % to at least 10 %.
    """
    if not points:
        return None
    x_axis, heights = _decades([p.x for p in points]), [*(p.y for p in points), *(v.y for v in levels)]
    y_axis = _Axis(0, max(0.1, *heights) * (1 + _SPREAD), BOTTOM, TOP) if percent else _around(heights)
    dots = [_around_dot(Mark(x_axis.place(p.x), y_axis.place(p.y), p.title)) for p in points]
    lines = _lines(levels, y_axis, dots)
    return Chart(
        title, x_title, y_title,
        tuple(Mark(x_axis.place(v), BOTTOM, _short(v)) for v in _logarithmic_ticks(x_axis)),
        tuple(Mark(LEFT, y_axis.place(v), f"{v:.0%}" if percent else f"{v:g}") for v in _even_ticks(y_axis)),
        lines, tuple(_series(points, lines, x_axis, y_axis)),
    )  # fmt: skip


def _lines(levels: Sequence[Level], axis: _Axis, dots: Sequence[_Rectangle]) -> tuple[Mark, ...]:
    """Yardsticks with the right end of their labels: beside one another, and left of points, that they would cover."""
    lines: list[Mark] = []
    for level in sorted(levels, key=lambda v: v.y):
        y = axis.place(level.y)
        near = [line for line in lines if abs(line.y - y) < _LINE]
        x = min((line.x - (len(line.text) + 2) * _CHARACTER for line in near), default=float(RIGHT))
        for left in sorted((dot[0] for dot in dots), reverse=True):
            if any(_overlap(_line_label(Mark(x, y, level.label)), dot) for dot in dots):
                x = min(x, left - 2)
        lines.append(Mark(round(x, 1), y, level.label))
    return tuple(lines)


def _decades(values: Sequence[float]) -> _Axis:
    """At least a factor of four, so that models of one size do not look worlds apart."""
    low, high = min(values), max(values)
    widen = max(1.25, 2 / math.sqrt(high / low))
    return _Axis(low / widen, high * widen, LEFT, RIGHT, logarithmic=True)


def _around(values: Sequence[float]) -> _Axis:
    low, high = min(values), max(values)
    spread = max(high - low, 1.0) * _SPREAD
    return _Axis(low - spread, high + spread, BOTTOM, TOP)


def _logarithmic_ticks(axis: _Axis) -> list[float]:
    """1, 2, 5, 10, ...: as many as fit."""
    exponents = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    ticks = [step * 10.0**e for e in exponents for step in (1, 2, 5)]
    return [v for v in ticks if axis.low <= v <= axis.high]


def _even_ticks(axis: _Axis) -> list[float]:
    """Four to eight round numbers."""
    rough = (axis.high - axis.low) / 8
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * s for s in (1, 2, 5, 10) if unit * s >= rough)
    count = math.floor(axis.high / step) - math.ceil(axis.low / step) + 1
    return [round((math.ceil(axis.low / step) + i) * step, 10) for i in range(count)]


def _short(value: float) -> str:
    """20 k rather than 20,000."""
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def _series(points: Sequence[Point], lines: Sequence[Mark], x_axis: _Axis, y_axis: _Axis) -> Iterator[Series]:
    """Points by series, in order, each with a place for its name that nothing else takes."""
    groups: dict[str, list[Mark]] = {}
    for p in points:
        groups.setdefault(p.series, []).append(Mark(x_axis.place(p.x), y_axis.place(p.y), p.title, p.solid))
    taken = [_around_dot(m) for marks in groups.values() for m in marks] + [_line_label(m) for m in lines]
    strokes = [box for marks in groups.values() for box in _along(marks)]
    strokes += [(LEFT, m.y - 1, RIGHT, m.y + 1) for m in lines]
    for colour, (name, marks) in enumerate(groups.items()):
        x, y, box = _free_place(name, marks[0], taken, strokes)
        taken.append(box)
        yield Series(name, colour % 8, tuple(marks), Mark(x, y, name))


def _around_dot(mark: Mark) -> _Rectangle:
    return mark.x - _DOT, mark.y - _DOT, mark.x + _DOT, mark.y + _DOT


def _line_label(mark: Mark) -> _Rectangle:
    return mark.x - len(mark.text) * _CHARACTER, mark.y - _LINE - 3, mark.x, mark.y + 2


_PARTS = 12


def _along(marks: Sequence[Mark]) -> Iterator[_Rectangle]:
    """Small boxes along the lines from point to point."""
    for a, b in itertools.pairwise(marks):
        for i in range(1, _PARTS):
            x, y = a.x + (b.x - a.x) * i / _PARTS, a.y + (b.y - a.y) * i / _PARTS
            yield x - 1, y - 1, x + 1, y + 1


def _free_place(
    name: str, mark: Mark, taken: Sequence[_Rectangle], strokes: Sequence[_Rectangle]
) -> tuple[float, float, _Rectangle]:
    """The nearest place around a point where its name covers nothing: its left end, its baseline and its box.

    Where there is none, it rather lies over a line than over points and other names.
    """
    wide = len(name) * _BOLD
    best = None
    for rise in (0, 14, -14, 26, -26, 38, -38, 50, -50):
        for left in (mark.x + 10, mark.x - 10 - wide, mark.x - wide / 2):
            if left == mark.x - wide / 2 and not rise:
                continue
            box = (left, mark.y - rise - _LINE / 2, left + wide, mark.y - rise + _LINE / 2)
            outside = box[0] < LEFT or box[2] > WIDTH or box[1] < 0 or box[3] > BOTTOM
            crossed = any(_overlap(box, other) for other in strokes)
            cost = 4 * outside + sum(_overlap(box, other) for other in taken) + 0.5 * crossed
            if best is None or cost < best[0]:
                best = cost, left, mark.y - rise + 4, box
    assert best is not None
    return round(best[1], 1), round(best[2], 1), best[3]


def _overlap(a: _Rectangle, b: _Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
