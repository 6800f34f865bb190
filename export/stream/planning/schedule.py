"""The order of steps: each row is made when the next output row first needs it, and never twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from edgeblur.export.stream.net.net import Net, Node, Window


class Step(NamedTuple):
    """A row of a node is made, or those that its kernel makes at a time; for node 0, a row of the picture is taken in.

    Attributes:
        node: which.
        row: the first.
        rows: how many.
    """

    node: int
    row: int
    rows: int


class Rows(NamedTuple):
    """How long a row must be kept.

    Attributes:
        node: whose row it is.
        row: which.
        size_bytes: of it.
        birth: the step that makes it.
        death: the last step that reads it.
    """

    node: int
    row: int
    size_bytes: int
    birth: int
    death: int


@dataclass(frozen=True, eq=False)
class Schedule:
    """Steps in the order they run, and what must be kept between them."""

    steps: tuple[Step, ...]
    rows: tuple[Rows, ...]

    @cached_property
    def live(self) -> tuple[int, ...]:
        """Bytes of rows alive during each step."""
        change = [0] * (len(self.steps) + 1)
        for row in self.rows:
            change[row.birth] += row.size_bytes
            change[row.death + 1] -= row.size_bytes
        return tuple(accumulate(change[:-1]))

    @property
    def live_bytes(self) -> int:
        """Bytes of rows alive at the worst moment: no plan can need less."""
        return max(self.live)

    @property
    def worst_step(self) -> int:
        """The first step in which so many bytes are alive."""
        return self.live.index(self.live_bytes)

    def most_rows(self, node: int) -> int:
        """Rows of a node alive at its own worst moment: the size of its ring, if it had one."""
        own = [row for row in self.rows if row.node == node]
        alive = [(row.birth, 1) for row in own] + [(row.death + 1, -1) for row in own]
        count = worst = 0
        for _, delta in sorted(alive):
            count += delta
            worst = max(worst, count)
        return worst


def schedule(net: Net) -> Schedule:
    """Put the steps of a net in order, driven by demand.

    Rows of a node are made top to bottom. To make the next output row, the engine walks from the output towards the
    picture: a node that lacks input rows waits for its first such input. So rows are made as late as possible, and the
    picture is taken in as late as possible. What makes several rows at a time waits for the input rows of them all. The
    last output row waits for the whole picture: behind it no row goes in, and none that went in can come back.

    Several outputs take turns: the row that needs fewest rows of the picture goes first.

    Returns:
        All steps; the rows of the outputs are not kept (they go to the caller), those of the picture are.
    """
    makes = [node.steps for node in net.nodes]
    needs = [_needs(net, node) for node in net.nodes]
    taken = [0] * len(net.nodes)  # for each node, the steps that are done
    made: list[list[int]] = [[] for _ in net.nodes]  # for each row, the step that makes it
    read: list[list[int]] = [[0] * node.plane.height for node in net.nodes]  # for each row, the last step that reads it
    steps: list[Step] = []

    def take(n: int) -> None:
        rows = makes[n][taken[n]]
        for source, needed in needs[n]:
            for row in needed[taken[n]]:
                read[source][row] = len(steps)
        for y in rows:
            read[n][y] = len(steps)
            made[n].append(len(steps))
        taken[n] += 1
        steps.append(Step(n, rows.start, len(rows)))

    take(0)  # a picture row comes first, also where a border's rows need none: so a row pushed at the start is taken
    turns = _turns(net, needs)
    for turn, output in enumerate(turns):
        waiting = [output]
        while waiting:
            lacking = _lacking(needs[waiting[-1]], made, taken[waiting[-1]])
            if lacking is not None:
                waiting.append(lacking)
                continue
            if waiting[-1] == output and turn == len(turns) - 1:
                while len(made[0]) < net.nodes[0].plane.height:  # nothing reads them; the camera gives them anyway
                    take(0)
            take(waiting.pop())
    sizes = [node.plane.row_bytes for node in net.nodes]
    births = sorted((step, n, y) for n in range(net.outputs.start) for y, step in enumerate(made[n]))
    return Schedule(tuple(steps), tuple(Rows(n, y, sizes[n], step, read[n][y]) for step, n, y in births))


_Needs = list[tuple[int, list[Sequence[int]]]]


def _turns(net: Net, needs: Sequence[_Needs]) -> list[int]:
    """The outputs in the order in which their rows are made, one entry for each row."""
    latest: list[list[int]] = [list(range(net.nodes[0].plane.height))]  # by node and row: the picture row it waits for
    for node, inputs in zip(net.nodes[1:], needs[1:], strict=True):
        waits: list[int] = []
        for step, rows in enumerate(node.steps):
            last = max((latest[source][needed[step][-1]] for source, needed in inputs if needed[step]), default=0)
            waits += [last] * len(rows)
        latest.append(list(accumulate(waits, max)))  # rows are made top to bottom
    turns = [(at, (y + 1) / len(latest[n]), n) for n in net.outputs for y, at in enumerate(latest[n])]
    return [n for _, _, n in sorted(turns)]


def _needs(net: Net, node: Node) -> _Needs:
    """For each input of a node, in the order to ask for them: which node, and the rows that each step reads."""
    heights = [plane.height for plane in net.planes(node)]
    inputs = zip(node.inputs, net.windows(node), heights, strict=True)
    return [(source, [_rows(window, step, height) for step in node.steps]) for source, window, height in inputs]


def _rows(window: Window, step: range, height: int) -> Sequence[int]:
    """The rows of an input that a step reads, top to bottom."""
    if len(step) == 1:
        return window.rows(step.start, height)
    return sorted({row for y in step for row in window.rows(y, height)})


def _lacking(needs: _Needs, made: list[list[int]], step: int) -> int | None:
    """The first input of which a step reads a row that is not made yet."""
    for source, rows in needs:
        if rows[step] and rows[step][-1] >= len(made[source]):
            return source
    return None
