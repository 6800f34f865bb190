"""Where each row lies in memory: few bytes more than are alive at the worst moment."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.schedule import Rows, Schedule

ALIGNMENT = 4
"""Rows begin at multiples of this, so that kernels may read words."""

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
    lambda row: (row.birth,),  # as they come: with rows of one size, this alone is exact
    lambda row: (row.birth - row.death, row.birth),  # the longest kept first
    lambda row: (-row.size_bytes, row.birth),
    lambda row: ((row.birth - row.death) * row.size_bytes, row.birth),
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
    for start, stop in taken:
        room = start - end
        if room >= size and (best < 0 or room - size < slack):
            best, slack = end, room - size
        end = max(end, stop)
    return best if best >= 0 else end


def _place(rows: Sequence[Rows], neighbours: Sequence[Sequence[int]], order: Order, unit: int) -> list[int]:
    """Put row after row into the tightest gap between its neighbours that have a place already."""
    places = [-1] * len(rows)
    for i in sorted(range(len(rows)), key=lambda i: order(rows[i])):
        taken: list[tuple[int, int]] = []
        for j in neighbours[i]:
            if places[j] >= 0:
                bisect.insort(taken, (places[j], places[j] + _round_up(rows[j].size_bytes, unit)))
        places[i] = _gap(taken, _round_up(rows[i].size_bytes, unit))
    return places


def plan(schedule: Schedule) -> Plan:
    """Give every row its place.

    Rows that are alive at different times share memory, whatever their nodes; several orders are tried and the
    tightest result is kept. The same schedule always gives the same plan.
    """
    rows = schedule.rows
    neighbours = _overlapping(rows)
    unit = ALIGNMENT
    while schedule.live_bytes * 5 // 4 > unit << _ADDRESS_BITS:
        unit *= 2
    best, best_bytes = [0] * len(rows), -1
    bound = schedule.live_bytes
    for order in _ORDERS:
        places = _place(rows, neighbours, order, unit)
        used = max((p + _round_up(r.size_bytes, unit) for p, r in zip(places, rows, strict=True)), default=unit)
        if best_bytes < 0 or used < best_bytes:
            best, best_bytes = places, used
        if best_bytes <= bound:
            break
    addresses = {(row.node, row.row): place for row, place in zip(rows, best, strict=True)}
    return Plan(best_bytes, unit, addresses)
