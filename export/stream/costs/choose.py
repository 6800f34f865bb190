"""Which kernel makes which layer: where flash and RAM permit, the one that takes fewer instructions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.costs.cost import instructions
from edgeblur.export.stream.costs.prices import prices
from edgeblur.export.stream.costs.work import DIRECT, layer_of
from edgeblur.export.stream.net.layer import Layer
from edgeblur.export.stream.net.net import Array, Net, Node, Operation
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import ROOM_BYTES, WinogradConv2D, as_winograd, takes_winograd
from edgeblur.export.stream.options import FLASH_BYTES, StreamOptions
from edgeblur.export.stream.planning.layout import scratch_bytes
from edgeblur.export.stream.planning.schedule import schedule

BALANCED = 1.5

RAM_SHARE = 0.0125
"""A kernel that makes rows earlier than others need them takes RAM; all of them together at most this share of it."""

WINOGRAD = WinogradConv2D.kernel

_MOST_PASSES = 2
"""Over a layer's input by Winograd's kernel; more were never counted."""

_MOST_SETS = 1000
"""Of layers, that are tried together."""

_CODE_BYTES = {"size": 4_000, "balanced": 18_000, "speed": 18_000}
"""About what the C of U-Nets takes on Cortex-M4 (bench/frames.csv)."""

Cost = Callable[[Layer, str], float]
"""Instructions of a layer in a frame, with `direct` or another kernel."""


def cost_on(core: str | None) -> Cost | None:
    """The cost model of a core, if `WINOGRAD` was counted there."""
    known = prices(core) if core else None
    if core is None or known is None or not any(unit.startswith(f"{WINOGRAD}.") for unit in known.units):
        return None
    return lambda layer, kernel: instructions(layer, kernel, core)


@dataclass(frozen=True)
class _Candidate:
    """A layer that another kernel makes in fewer instructions.

    Attributes:
        node: its number.
        saved: instructions of a frame.
        share: of what it takes now.
        flash_bytes: that its weights take on top.
    """

    node: int
    saved: float
    share: float
    flash_bytes: int


def choose_kernels(net: Net, options: StreamOptions, *, cost: Cost | None, ram_share: float = RAM_SHARE) -> Net:
    """Let those layers have Winograd's kernel that together save most instructions in the flash that there is.

    Args:
        net: all layers with their direct kernels.
        options: aim, and budget of flash.
        cost: as `cost_on` gives it; None for a core on which direct kernels are best, or nothing was counted.
        ram_share: rows and scratch may take so much more.

    Returns:
        The net with its kernels; where there was a choice, each node says why it has the one it has.
    """
    if options.optimize == "size" or cost is None:
        return net
    nodes, chosen = list(net.nodes), net
    left = _budget_bytes(net, options) - constant_bytes(net) - _CODE_BYTES[options.optimize]
    most_ram = _ram_bytes(net) * (1 + ram_share)
    for candidate in _ordered(list(_candidates(net, cost, nodes)), left):
        n, told = candidate.node, f"{candidate.share:.0%} fewer instructions for {candidate.flash_bytes:,} B of flash"
        trial = _least_ram([_replaced(chosen, n, early) for early in (0, 1)])
        if candidate.flash_bytes <= left and _ram_bytes(trial) > most_ram:
            trial = _settled(trial)
        if candidate.flash_bytes > left:
            nodes[n] = dataclasses.replace(nodes[n], why=f"{WINOGRAD} would take {told}, and that is not left")
        elif _ram_bytes(trial) > most_ram:
            more = _ram_bytes(trial) / _ram_bytes(net) - 1
            nodes[n] = dataclasses.replace(nodes[n], why=f"{WINOGRAD} would take {told}, and {more:.1%} more RAM")
        else:
            chosen, left = trial, left - candidate.flash_bytes
            nodes[n] = dataclasses.replace(nodes[n], why=told)
    settled = _with_room(_settled(chosen))
    judged = (dataclasses.replace(node, why=told.why) for node, told in zip(settled.nodes, nodes, strict=True))
    return dataclasses.replace(net, nodes=tuple(judged))


def _ordered(candidates: Sequence[_Candidate], left: float) -> list[_Candidate]:
    """Those first that together save most within so many bytes; then, and among them, by what they save for a byte."""
    sets: list[tuple[int, float, frozenset[int]]] = [(0, 0.0, frozenset())]  # more bytes, more saved, which
    for each in candidates:
        grown = [(size + each.flash_bytes, saved + each.saved, chosen | {each.node}) for size, saved, chosen in sets]
        both, sets, most = sorted([*sets, *grown], key=lambda found: (found[0], -found[1])), [], -1.0
        for size, saved, chosen in both:
            if size <= left and saved > most:
                sets.append((size, saved, chosen))
                most = saved
        sets = sets[:: -(len(sets) // _MOST_SETS + 1)][::-1]  # the last one always stays
    best = sets[-1][2] if sets else frozenset()
    return sorted(candidates, key=lambda each: (each.node not in best, each.flash_bytes / each.saved))


def with_winograd(net: Net, numbers: Iterable[int]) -> Net:
    """Let some layers have Winograd's kernel, whatever that saves, in as little RAM as it can do with."""
    for n in numbers:
        net = _least_ram([_replaced(net, n, early) for early in (0, 1)])
    return _with_room(_settled(net))


def all_direct(net: Net, chosen: Net, ram_bytes: int) -> Net:
    """The net with its direct kernels for a budget of RAM that `chosen`, what `choose_kernels` made of it, exceeds."""
    more = f"and more RAM than the {ram_bytes:,} B that all may take"
    told = (
        dataclasses.replace(node, why=f"{WINOGRAD} would take {other.why}, {more}")
        if isinstance(other.operation, WinogradConv2D) else dataclasses.replace(node, why=other.why)
        for node, other in zip(net.nodes, chosen.nodes, strict=True)
    )  # fmt: skip
    return dataclasses.replace(net, nodes=tuple(told))


def constant_bytes(net: Net) -> int:
    """Weights and tables in flash; addresses of rows and the order of steps come on top."""
    fields = (node.operation.fields(net.planes(node), node.plane) for node in net.nodes if node.operation)
    return sum(value.values.nbytes for members in fields for value in members.values() if isinstance(value, Array))


def _budget_bytes(net: Net, options: StreamOptions) -> float:
    budget = FLASH_BYTES if options.flash_bytes is None else options.flash_bytes
    if options.optimize == "balanced":
        return min(budget, BALANCED * (constant_bytes(net) + _CODE_BYTES["size"]))
    return budget


def _candidates(net: Net, cost: Cost, nodes: list[Node]) -> Iterator[_Candidate]:
    """Layers that Winograd makes faster; others that it could make learn here why they stay as they are."""
    room = max(ROOM_BYTES, scratch_bytes(net))
    for n, node in enumerate(net.nodes[: net.outputs.start]):  # an output's rows go out one by one
        if type(node.operation) is not Conv2D or not takes_winograd(node.operation):
            continue
        layer, other = layer_of(net, node), dataclasses.replace(as_winograd(node.operation), room_bytes=room)
        if other.passes(layer.inputs, layer.output) > _MOST_PASSES:
            told = f"{WINOGRAD} would transform its inputs again and again: scratch has {room:,} B"
            nodes[n] = dataclasses.replace(node, why=told)
            continue
        before, after = cost(layer, DIRECT), cost(dataclasses.replace(layer, operation=other), WINOGRAD)
        if after >= before:
            told = f"{WINOGRAD} would take {after / before - 1:.0%} more instructions"
            nodes[n] = dataclasses.replace(node, why=told)
            continue
        fields = as_winograd(node.operation).fields(layer.inputs, layer.output)
        direct = node.operation.fields(layer.inputs, layer.output)
        sizes = [sum(v.values.nbytes for v in f.values() if isinstance(v, Array)) for f in (fields, direct)]
        yield _Candidate(n, before - after, 1 - after / before, sizes[0] - sizes[1])


def _with_operation(net: Net, n: int, operation: Operation) -> Net:
    nodes = list(net.nodes)
    nodes[n] = dataclasses.replace(nodes[n], operation=operation)
    return dataclasses.replace(net, nodes=tuple(nodes))


def _replaced(net: Net, n: int, early: int) -> Net:
    operation = net.nodes[n].operation
    assert isinstance(operation, Conv2D)
    return _with_operation(net, n, as_winograd(operation, early))


def _ram_bytes(net: Net) -> int:
    """Rows at the worst moment, and scratch."""
    return schedule(net).live_bytes + net.cores * scratch_bytes(net)


def _least_ram(nets: list[Net]) -> Net:
    return min(nets, key=_ram_bytes)


_ROUNDS = 3
"""Most nets are settled after one; the second tells so."""


def _settled(net: Net) -> Net:
    """Let each layer that makes two rows at a time begin with one of them, or with both: whatever takes less RAM."""
    for _ in range(_ROUNDS):
        before = net
        for n, node in enumerate(net.nodes):
            if isinstance(node.operation, WinogradConv2D):
                net = _least_ram([net, _replaced(net, n, 1 - node.operation.early)])
        if net is before:
            break
    return net


def _with_room(net: Net) -> Net:
    """Let all layers use the scratch that one of them needs anyway."""
    room = max(ROOM_BYTES, scratch_bytes(net))
    for n, node in enumerate(net.nodes):
        if isinstance(node.operation, WinogradConv2D):
            net = _with_operation(net, n, dataclasses.replace(node.operation, room_bytes=room))
    return net
