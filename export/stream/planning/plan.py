"""Where each row lies in memory: few bytes more than are alive at the worst moment."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.planning.schedule import Rows, Schedule

ALIGNMENT = 4
"""Rows begin at multiples of this, so that kernels may read words."""

MOST_PAIRS = 1_000_000
"""Pairs of rows alive together up to which several orders are tried, in a second or two."""

_ADDRESS_BITS = 16


@dataclass(frozen=True, eq=False)
class Plan:
    """Addresses of all rows.

    Attributes:
        arena_bytes: memory that holds them all.
        unit_bytes: addresses are multiples of this, so that one fits 16 bits.
        addresses: by node and row, the row's first byte in the arena.
    """

    arena_bytes: int
    unit_bytes: int
    addresses: dict[tuple[int, int], int]


Order = Callable[[Rows], tuple[int, ...]]

_ORDERS: tuple[Order, ...] = (
    lambda row: (-row.size_bytes, row.birth),  # in U-Nets the best or next to it, about 1 % above the bound
    lambda row: (-row.size_bytes, -row.death),
    lambda row: (row.size_bytes, row.birth),
    lambda row: (row.birth,),  # as they come: with rows of one size, this alone is exact
    lambda row: (-row.death,),
    lambda row: (row.birth - row.death, row.birth),  # the longest kept first
)
"""No one order is best for all nets; each takes a fraction of a second."""


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _overlapping(rows: Sequence[Rows]) -> list[list[int]]:
    """For each row, those that share a step with it."""
    order = sorted(range(len(rows)), key=lambda i: rows[i].birth)
    alive: list[int] = []
    neighbours: list[list[int]] = [[] for _ in rows]
    for i in order:
        alive = [j for j in alive if rows[j].death >= rows[i].birth]
        for j in alive:
            neighbours[i].append(j)
            neighbours[j].append(i)
        alive.append(i)
    return neighbours


def _gap(taken: list[tuple[int, int]], size: int) -> int:
    """The tightest gap between taken places `(start, stop)` that holds so many bytes; else behind them all."""
    best, slack, end = -1, -1, 0
    for start, stop in sorted(taken):
        room = start - end
        if room >= size and (best < 0 or room - size < slack):
            best, slack = end, room - size
        if stop > end:
            end = stop
    return best if best >= 0 else end


def _place(sizes: Sequence[int], neighbours: Sequence[Sequence[int]], order: Sequence[int]) -> list[tuple[int, int]]:
    """Put row after row into the tightest gap between its neighbours that have a place already: `(start, stop)`."""
    places = [(0, 0)] * len(sizes)
    taken: list[list[tuple[int, int]]] = [[] for _ in sizes]  # by row: its neighbours' places
    for i in order:
        start = _gap(taken[i], sizes[i])
        places[i] = place = (start, start + sizes[i])
        for j in neighbours[i]:
            taken[j].append(place)
    return places


def _pairs(rows: Sequence[Rows]) -> int:
    """How many pairs of rows share a step."""
    deaths: list[int] = []  # of those alive, as a heap
    pairs = 0
    for row in sorted(rows, key=lambda row: row.birth):
        while deaths and deaths[0] < row.birth:
            heapq.heappop(deaths)
        pairs += len(deaths)
        heapq.heappush(deaths, row.death)
    return pairs


class _Gaps:
    """Free places between taken ones, by size; neighbours become one."""

    def __init__(self) -> None:
        self._sorted: list[tuple[int, int]] = []  # size and start
        self._starts: dict[int, int] = {}  # by stop
        self._stops: dict[int, int] = {}  # by start

    def add(self, start: int, stop: int) -> None:
        """A place is free from now on."""
        if (before := self._starts.get(start)) is not None:
            self._remove(before, start)
            start = before
        if (behind := self._stops.get(stop)) is not None:
            self._remove(stop, behind)
            stop = behind
        self._starts[stop], self._stops[start] = start, stop
        bisect.insort(self._sorted, (stop - start, start))

    def take(self, size: int) -> int | None:
        """The start of the tightest gap with so many bytes, taken; None if there is none."""
        at = bisect.bisect_left(self._sorted, (size, 0))
        if at == len(self._sorted):
            return None
        room, start = self._sorted[at]
        self._remove(start, start + room)
        if room > size:
            self.add(start + size, start + room)
        return start

    def _remove(self, start: int, stop: int) -> None:
        del self._sorted[bisect.bisect_left(self._sorted, (stop - start, start))]
        del self._starts[stop], self._stops[start]


def _as_they_come(rows: Sequence[Rows], sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Each row into the tightest gap at its birth, in n log n: `(start, stop)`."""
    places, gaps, end = [(0, 0)] * len(rows), _Gaps(), 0
    alive: list[tuple[int, int]] = []  # death and index, as a heap
    for i in sorted(range(len(rows)), key=lambda i: rows[i].birth):
        while alive and alive[0][0] < rows[i].birth:
            gaps.add(*places[heapq.heappop(alive)[1]])
        start = gaps.take(sizes[i])
        if start is None:
            start, end = end, end + sizes[i]
        places[i] = (start, start + sizes[i])
        heapq.heappush(alive, (rows[i].death, i))
    return places


def _candidates(rows: Sequence[Rows], sizes: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """Places of all rows, in one way after the other."""
    if _pairs(rows) > MOST_PAIRS:
        yield _as_they_come(rows, sizes)
        return
    neighbours = _overlapping(rows)
    for order in _ORDERS:
        yield _place(sizes, neighbours, sorted(range(len(rows)), key=lambda i: order(rows[i])))


def plan(schedule: Schedule) -> Plan:
    """Give every row its place.

    Rows that are alive at different times share memory, whatever their nodes; several orders are tried and the
    tightest result is kept. Of thousands of rows alive at once, more than `MOST_PAIRS` pairs, one order is tried. The
    same schedule always gives the same plan.
    """
    rows, bound = schedule.rows, schedule.live_bytes
    unit = ALIGNMENT
    while bound * 5 // 4 > unit << _ADDRESS_BITS:
        unit *= 2
    sizes = [_round_up(row.size_bytes, unit) for row in rows]
    best, best_bytes = [(0, 0)] * len(rows), -1
    for places in _candidates(rows, sizes):
        used = max((stop for _, stop in places), default=unit)
        if best_bytes < 0 or used < best_bytes:
            best, best_bytes = places, used
        if best_bytes <= bound:
            break
    addresses = {(row.node, row.row): start for row, (start, _) in zip(rows, best, strict=True)}
    return Plan(best_bytes, unit, addresses)
