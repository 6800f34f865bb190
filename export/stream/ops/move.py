"""MOVE: any op, or chain of ops, that only moves numbers about; from the planes, piece by piece."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import MoveOptions

Piece = tuple[int, int, int]
"""Row pointer, first number in that row, how many."""

Step = tuple[int, int, int]
"""Pattern, and what is added to its row pointers and first numbers."""


@dataclass(frozen=True)
class _Pattern:
    """Pieces that repeat along a row, so many times, so many numbers further on each time."""

    pieces: tuple[Piece, ...]
    times: int
    apart: int


@dataclass(frozen=True)
class _Table:
    """All rows: the patterns, and what each row takes of them."""

    patterns: tuple[_Pattern, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Move(Operation):
    """Each number of the output is one of the inputs'.

    Attributes:
        places: `[height, width, channels]`: where each comes from, counted through the inputs, one behind the other.
    """

    kernel = "move"
    label = "MOVE"
    places: NDArray[np.int64]

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return _windows(self.places, inputs)

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        table = self.table(inputs)
        pieces = [piece for pattern in table.patterns for piece in pattern.pieces]
        starts = np.cumsum([0, *(len(pattern.pieces) for pattern in table.patterns)]).tolist()
        patterns = [(starts[i], len(p.pieces), p.times, p.apart) for i, p in enumerate(table.patterns)]
        return {
            "pieces": Array("pieces", np.array(pieces, np.int32)),
            "patterns": Array("patterns", np.array(patterns, np.int32)),
            "steps": Array("steps", np.array(table.steps, np.int32)),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        table = self.table(inputs)
        used = [table.patterns[step[0]] for step in table.steps]
        turns, pieces = sum(each.times for each in used), sum(each.times * len(each.pieces) for each in used)
        return {**copied(Layer(self, tuple(inputs), output), pieces), "turns": turns}

    def table(self, inputs: Sequence[Plane]) -> _Table:
        """How the kernel makes each row."""
        return _table(self, tuple(inputs))


def _rows(places: NDArray[np.int64], inputs: Sequence[Plane]) -> tuple[NDArray[np.int64], ...]:
    """For each number: which input, which row of it, which place in that row."""
    bounds = np.cumsum([0, *(plane.height * plane.width * plane.channels for plane in inputs)])
    which = np.searchsorted(bounds, places, side="right") - 1
    lengths = np.array([plane.width * plane.channels for plane in inputs])[which]
    inside = places - bounds[which]
    return which, inside // lengths, inside % lengths


def _windows(places: NDArray[np.int64], inputs: Sequence[Plane]) -> list[Window]:
    which, rows, _ = _rows(places, inputs)
    return [_window(which == i, rows, plane.height) for i, plane in enumerate(inputs)]


def _window(own: NDArray[np.bool_], rows: NDArray[np.int64], height: int) -> Window:
    """The rows that each output row reads of one input: first rows never go back up, so a window may reach higher."""
    least = np.where(own, rows, height).reshape(len(rows), -1).min(axis=1)
    most = np.where(own, rows, -1).reshape(len(rows), -1).max(axis=1)
    firsts = np.minimum.accumulate(least[::-1])[::-1]
    read = most >= 0
    count = max(1, int((most - firsts)[read].max(initial=0)) + 1)
    firsts = np.where(np.maximum.accumulate(read), firsts, -count)  # before the first row that reads: nothing
    return Window(tuple(int(n) for n in firsts), 1, count)


@functools.lru_cache(maxsize=64)
def _table(move: Move, inputs: tuple[Plane, ...]) -> _Table:
    windows = _windows(move.places, inputs)
    which, rows, offsets = _rows(move.places, inputs)
    starts = np.cumsum([0, *(window.count for window in windows)])[:-1]
    firsts = np.array([window.firsts for window in windows])
    patterns: dict[_Pattern, int] = {}
    steps: list[Step] = []
    for y in range(len(move.places)):
        pointers = (starts[which[y]] + rows[y] - firsts[which[y], y]).ravel()
        at = offsets[y].ravel()
        pointer, first = int(pointers.min()), int(at.min())
        pattern = _pattern(pointers - pointer, at - first)
        steps.append((patterns.setdefault(pattern, len(patterns)), pointer, first))
    return _Table(tuple(patterns), tuple(steps))


def _pattern(pointers: NDArray[np.int64], at: NDArray[np.int64]) -> _Pattern:
    """A row's pieces; if they repeat along the row at one distance, those of one turn."""
    breaks = (np.diff(pointers) != 0) | (np.diff(at) != 1)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(at)]
    pieces = [(int(pointers[a]), int(at[a]), b - a) for a, b in itertools.pairwise(edges)]
    for turn in range(1, len(pieces) // 2 + 1):
        if len(pieces) % turn == 0 and (apart := _distance(pieces, turn)) is not None:
            return _Pattern(tuple(pieces[:turn]), len(pieces) // turn, apart)
    return _Pattern(tuple(pieces), 1, 0)


def _distance(pieces: Sequence[Piece], turn: int) -> int | None:
    """Numbers from one turn of so many pieces to the next; None if they do not repeat."""
    apart = pieces[turn][1] - pieces[0][1]
    repeats = all(
        (later[0], later[1] - sooner[1], later[2]) == (sooner[0], apart, sooner[2])
        for sooner, later in zip(pieces, pieces[turn:], strict=False)
    )
    return apart if repeats else None


def lower(builder: Builder, op: Op, operation: type[Move] = Move) -> None:
    """Add a MOVE."""
    options = builder.options(op, MoveOptions)
    sources = [builder.source(op, position) for position in range(len(op.inputs))]
    given = builder.plane(op, op.outputs[0], builder.dtypes)
    for index in op.inputs:
        builder.expect_same_scale(op, builder.plane(op, index, builder.dtypes), given)
    builder.expect_output(op, *options.places.shape)
    if math.prod(options.places.shape) > 2**26:
        raise builder.refuse(op, "it moves more than 64 Mi numbers", "make the picture smaller")
    builder.add(op, operation(options.places), sources)
