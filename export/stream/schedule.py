"""The order of row steps: each row is made when the next output row first needs it, and never twice."""

from __future__ import annotations

from dataclasses import dataclass

from edgeblur.export.stream.net import Net


@dataclass(frozen=True)
class Step:
    """One row of one node is made; for node 0, a row of the picture is taken in."""

    node: int
    row: int


@dataclass(frozen=True)
class Rows:
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

    @property
    def live_bytes(self) -> int:
        """Bytes of rows alive at the worst moment: no plan can need less."""
        change = [0] * (len(self.steps) + 1)
        for row in self.rows:
            change[row.birth] += row.size_bytes
            change[row.death + 1] -= row.size_bytes
        live = worst = 0
        for delta in change:
            live += delta
            worst = max(worst, live)
        return worst

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
    """Put the row steps of a net in order, driven by demand.

    Rows of a node are made top to bottom. To make the next output row, the engine walks from the output towards the
    picture: a node that lacks input rows waits for its first such input. So rows are made as late as possible, and the
    picture is taken in as late as possible.

    Returns:
        All steps; the rows of the output are not kept (they go to the caller), those of the picture are.
    """
    nodes = net.nodes
    windows = [net.windows(node) for node in nodes]
    done = [0] * len(nodes)
    steps: list[Step] = []
    birth: dict[tuple[int, int], int] = {}
    death: dict[tuple[int, int], int] = {}

    def lacking(n: int) -> int | None:
        for source, window in zip(nodes[n].inputs, windows[n], strict=True):
            rows = window.rows(done[n], nodes[source].plane.height)
            if rows and rows[-1] >= done[source]:
                return source
        return None

    def take(n: int) -> None:
        step, y = len(steps), done[n]
        for source, window in zip(nodes[n].inputs, windows[n], strict=True):
            for row in window.rows(y, nodes[source].plane.height):
                death[source, row] = step
        birth[n, y] = death[n, y] = step
        steps.append(Step(n, y))
        done[n] += 1

    while done[net.output] < nodes[net.output].plane.height:
        n = net.output
        while (source := lacking(n)) is not None:
            n = source
        take(n)
    while done[0] < nodes[0].plane.height:  # rows that nothing reads; the camera gives them all the same
        take(0)
    rows = tuple(
        Rows(n, y, nodes[n].plane.row_bytes, step, death[n, y]) for (n, y), step in birth.items() if n != net.output
    )
    return Schedule(tuple(steps), rows)
