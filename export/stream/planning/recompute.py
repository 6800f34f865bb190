"""Rows that are made a second time, late, instead of being kept until their last reader wants them.

A U-Net's skip waits in memory while everything below it runs. Its last reader may as well read a clone: the layers that
made the skip, once more, from an earlier plane whose rows are kept instead, and take less room.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgeblur.export.stream.net.net import Net, Node
from edgeblur.export.stream.planning.schedule import Schedule


@dataclass(frozen=True)
class Repetition:
    """One way to let a plane's late readers read rows that are made again.

    Attributes:
        node: whose rows.
        readers: who reads the clone from now on.
        chain: the nodes to clone, inputs before readers, `node` last; empty if there is a clone already.
        sources: what the clones read instead of their originals' inputs, where that is not the same.
        macs: multiply-accumulates that this adds to a picture.
    """

    node: int
    readers: tuple[int, ...]
    chain: tuple[int, ...]
    sources: Mapping[int, int]
    macs: int


@dataclass(frozen=True)
class Repeated:
    """What was done, by the names of layers.

    Attributes:
        plane: whose rows are made again.
        readers: for whom.
        sources: from the kept rows of which planes.
        layers: which layers run twice for it.
        macs: multiply-accumulates that this adds to a picture.
    """

    plane: str
    readers: tuple[str, ...]
    sources: tuple[str, ...]
    layers: tuple[str, ...]
    macs: int


def _original(net: Net, n: int) -> int:
    repeated = net.nodes[n].recomputes
    return n if repeated is None else repeated


def _readers(net: Net) -> list[list[int]]:
    """For each node, those that read it."""
    readers: list[list[int]] = [[] for _ in net.nodes]
    for n, node in enumerate(net.nodes):
        for source in set(node.inputs):
            readers[source].append(n)
    return readers


def _made(net: Net, schedule: Schedule) -> list[list[int]]:
    """For each row of each node, the step that makes it."""
    made: list[list[int]] = [[] for _ in net.nodes]
    for at, step in enumerate(schedule.steps):
        made[step.node] += [at] * step.rows
    return made


def _last_reads(net: Net, made: list[list[int]], source: int, reader: int) -> list[int]:
    """For each row of `source`, the last step in which a node reads it; -1 for rows that it does not read."""
    node, last = net.nodes[reader], [-1] * net.nodes[source].plane.height
    for taken, window in zip(node.inputs, net.windows(node), strict=True):
        for y, at in enumerate(made[reader] if taken == source else ()):
            for row in window.rows(y, len(last)):
                last[row] = at
    return last


def _late_groups(net: Net, made: list[list[int]], n: int, readers: list[int], worst: int) -> Iterator[tuple[int, ...]]:
    """Readers for whom rows of a node are kept at the worst moment: the latest reader, the latest two, ..."""

    def wait(last: list[int]) -> int:  # of a plane that nobody reads any more, since all read its clone, no row is made
        return max((at - made_at for made_at, at in zip(made[n], last, strict=False)), default=0)

    reads = sorted(((_last_reads(net, made, n, reader), reader) for reader in readers), key=lambda pair: wait(pair[0]))
    for i in range(len(reads) - 1, 0, -1):
        rows = zip(made[n], *(last for last, _ in reads), strict=False)
        if any(made_at < worst and max(last[:i]) < worst <= max(last[i:]) for made_at, *last in rows):
            yield tuple(reader for _, reader in reads[i:])


def _chains(net: Net, n: int) -> Iterator[tuple[tuple[int, ...], frozenset[int]]]:
    """Ever longer chains of nodes that make a plane, back to the picture, each with the planes it starts from."""
    chain: tuple[int, ...] = (n,)
    starts = frozenset(net.nodes[n].inputs)
    yield chain, starts
    while latest := max(starts):
        chain, starts = (latest, *chain), starts - {latest} | set(net.nodes[latest].inputs)
        yield chain, starts


def _twins(net: Net, n: int) -> list[int]:
    """Other nodes that make the same rows."""
    return [i for i in range(len(net.nodes)) if i != n and _original(net, i) == _original(net, n)]


def _replacements(net: Net, starts: frozenset[int]) -> Iterator[dict[int, int]]:
    """What a chain may start from instead: nothing else, or, for one of its starts, a clone that is there already."""
    yield {}
    for start in sorted(starts):
        for twin in _twins(net, start):
            yield {start: twin}


def repetitions(net: Net, schedule: Schedule) -> Iterator[Repetition]:
    """All ways to relieve one plane, at the schedule's worst moment, of its late readers."""
    made, readers, worst = _made(net, schedule), _readers(net), schedule.worst_step
    macs = [net.row_macs(node) * node.plane.height for node in net.nodes]
    for n in range(1, len(net.nodes)):
        for late in _late_groups(net, made, n, readers[n], worst):
            for clone in _twins(net, n):
                yield Repetition(n, late, (), {n: clone}, 0)
            for chain, starts in _chains(net, n):
                for replaced in _replacements(net, starts):
                    yield Repetition(n, late, chain, replaced, sum(macs[i] for i in chain))


def _sorted(nodes: list[Node], outputs: range) -> tuple[Node, ...]:
    """Nodes numbered anew, inputs before readers and outputs last, else in the order given."""
    number: dict[int, int] = {}

    def visit(n: int) -> None:
        for source in nodes[n].inputs:
            if source not in number:
                visit(source)
        number.setdefault(n, len(number))

    for n in (*range(outputs.start), *range(outputs.stop, len(nodes)), *outputs):
        visit(n)
    return tuple(
        dataclasses.replace(
            nodes[n],
            inputs=tuple(number[source] for source in nodes[n].inputs),
            recomputes=None if (repeated := nodes[n].recomputes) is None else number[repeated],
        )
        for n in number
    )


def _clone_name(net: Net, n: int) -> str:
    """A clone is called after its original, and counted from the second on."""
    original = _original(net, n)
    count = sum(node.recomputes == original for node in net.nodes) + 1
    return f"{net.nodes[original].name} again{f' {count}' if count > 1 else ''}"


def repeat(net: Net, repetition: Repetition) -> tuple[Net, Repeated]:
    """Clone the layers of a repetition and let the late readers read the clone.

    Returns:
        The new net, which gives the same bytes, and what was done.
    """
    nodes = list(net.nodes)
    instead, count = dict(repetition.sources), len(nodes)
    for n in repetition.chain:
        inputs = tuple(instead.get(source, source) for source in nodes[n].inputs)
        instead[n] = len(nodes)
        nodes.append(dataclasses.replace(net.nodes[n], name=_clone_name(net, n), inputs=inputs,
                                         recomputes=_original(net, n)))  # fmt: skip
    for reader in repetition.readers:
        inputs = tuple(instead[source] if source == repetition.node else source for source in nodes[reader].inputs)
        nodes[reader] = dataclasses.replace(nodes[reader], inputs=inputs)
    fresh = nodes[count:]
    kept = {source for clone in fresh for source in clone.inputs if source < count} or {instead[repetition.node]}
    done = Repeated(
        plane=net.nodes[repetition.node].name,
        readers=tuple(net.nodes[reader].name for reader in repetition.readers),
        sources=tuple(net.nodes[source].name for source in sorted(kept)),
        layers=tuple(net.nodes[n].name for n in repetition.chain),
        macs=repetition.macs,
    )
    return dataclasses.replace(net, nodes=_sorted(nodes, net.outputs)), done
