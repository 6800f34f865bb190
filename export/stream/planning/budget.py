"""A RAM budget: which rows to make twice so that a net fits, for the fewest additional multiply-accumulates."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

from edgeblur.errors import DoesNotFit
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.layout import ram_bytes, scratch_bytes
from edgeblur.export.stream.planning.plan import Plan, plan
from edgeblur.export.stream.planning.recompute import Repeated, repeat, repetitions
from edgeblur.export.stream.planning.schedule import Schedule, schedule

_MOST_NODES = 256
"""A step's code in the generated C is a byte."""

_MOST_TRIALS = 250
"""Nets that are put in order before the search gives up: a few seconds. A U-Net of three levels has some eighty."""

_MOST_TRIED_ROWS = 2_500_000
"""Of all layers of the nets that are put in order: at pictures so large that each takes a while, fewer are tried."""


@dataclass(frozen=True)
class Recomputation:
    """What is made twice to fit a budget.

    Attributes:
        repeated: plane by plane.
        ram_bytes_before: everything writable but the stack, had nothing been made twice.
        ram_bytes_after: the same now.
        macs_before: multiply-accumulates of a picture, had nothing been made twice.
        macs_added: what came on top.
    """

    repeated: tuple[Repeated, ...]
    ram_bytes_before: int
    ram_bytes_after: int
    macs_before: int
    macs_added: int

    @property
    def macs_share(self) -> float:
        """Additional work, as a share of what there was."""
        return self.macs_added / self.macs_before if self.macs_before else 0.0

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Planned:
    """A net in order and in place.

    Attributes:
        net: with clones, if any.
        schedule, plan: of that net.
        recomputation: None if nothing is made twice.
    """

    net: Net
    schedule: Schedule
    plan: Plan
    recomputation: Recomputation | None = None


@dataclass(frozen=True, eq=False)
class _Trial:
    """A net that needs less than all cheaper ones that were tried."""

    net: Net
    schedule: Schedule
    repeated: tuple[Repeated, ...]

    @property
    def least_bytes(self) -> int:
        """RAM if the plan reaches the bound of live bytes; it is seldom 2 % more."""
        return ram_bytes(self.net, self.schedule, Plan(self.schedule.live_bytes, 1, {}))


def plan_within(net: Net, budget_bytes: int | None) -> Planned:
    """Plan a net so that everything writable but the stack fits a budget, for few additional multiply-accumulates.

    Args:
        net: with nothing made twice.
        budget_bytes: None for as many as it takes without making anything twice.

    Nets with more and more repeated work are tried, the cheapest first; one that takes no less RAM than a cheaper one
    is not pursued. So the result is the cheapest of all combinations of repetitions that each save something.

    Raises:
        DoesNotFit: no net that was tried fits; the sentence says what is missing and which width would fit.
    """
    if budget_bytes is None:
        steps = schedule(net)
        return Planned(net, steps, plan(steps))
    trials: list[_Trial] = []
    for trial in _trials(net):
        trials.append(trial)
        if trial.least_bytes > budget_bytes:
            continue
        places = plan(trial.schedule)
        needed = ram_bytes(trial.net, trial.schedule, places)
        if needed <= budget_bytes:
            return Planned(trial.net, trial.schedule, places, _recomputation(net, trials, needed))
    raise _refusal(net, trials, budget_bytes)


def _trials(net: Net) -> Iterator[_Trial]:
    """Nets with ever more repeated work and ever fewer live bytes, the cheapest first (Dijkstra's order)."""
    queue: list[tuple[int, int, _Trial | None, Any]] = [(0, 0, None, None)]
    least = count = tried_rows = 0
    for _ in range(_MOST_TRIALS):
        if not queue or tried_rows > _MOST_TRIED_ROWS:
            return
        macs, _, parent, repetition = heapq.heappop(queue)
        now: Net = net
        repeated: tuple[Repeated, ...] = ()
        if parent is not None:
            now, done = repeat(parent.net, repetition)
            repeated = (*parent.repeated, done)
        steps = schedule(now)
        tried_rows += sum(node.plane.height for node in now.nodes)
        if parent is not None and steps.live_bytes >= least:
            continue
        least, trial = steps.live_bytes, _Trial(now, steps, repeated)
        yield trial
        for further in repetitions(now, steps):
            if len(now.nodes) + len(further.chain) <= _MOST_NODES:
                count += 1
                heapq.heappush(queue, (macs + further.macs, count, trial, further))


def _recomputation(net: Net, trials: list[_Trial], needed_bytes: int) -> Recomputation | None:
    """The record of the last trial, the one that fits."""
    first, last = trials[0], trials[-1]
    if not last.repeated:
        return None
    before = ram_bytes(net, first.schedule, plan(first.schedule))
    return Recomputation(last.repeated, before, needed_bytes, net.macs, last.net.macs_recomputed)


def _refusal(net: Net, trials: list[_Trial], budget_bytes: int) -> DoesNotFit:
    """How much is missing, and which student would fit."""
    least = min(trial.least_bytes for trial in trials)
    near = [trial for trial in trials if trial.least_bytes <= least * 1.02]  # of these, plans decide
    sizes = [ram_bytes(trial.net, trial.schedule, plan(trial.schedule)) for trial in near]
    needed, best = min(zip(sizes, near, strict=True), key=lambda pair: pair[0])
    work = ""
    if best.repeated:
        more = f"{best.net.macs_recomputed / net.macs:.0%} more MACs" if net.macs else "rows made twice"
        work = f" even with {more}"
    return DoesNotFit(
        f"{net.name} needs {needed:,} bytes of RAM{work}, {needed - budget_bytes:,} more than the {budget_bytes:,} "
        f"that it may take; {_advice(net, trials, budget_bytes)}"
    )


def _advice(net: Net, trials: list[_Trial], budget_bytes: int) -> str:
    """The widest net of the same family that fits, halving all widths as often as it takes."""
    given = width = next((node.plane.channels for node in net.nodes if net.row_macs(node)), 1)
    while width := width // 2:
        estimate = min(_scaled_bytes(trial, width / given) for trial in trials)
        if estimate <= budget_bytes:
            return (
                f"a student of width {width} instead of {given} would need about {estimate:,}, estimated by scaling "
                "the channels of all layers"
            )
    return "no narrower student would fit either: train one for smaller pictures"


def _scaled_bytes(trial: _Trial, share: float) -> int:
    """RAM of a net with so many times the channels in all planes but the picture and the output, to a hundred bytes.

    The plan is taken to need 1 % more than the live bytes, as plans of U-Nets do.
    """
    steps, net = trial.schedule, trial.net
    picture = [0] * (len(steps.steps) + 1)
    for row in steps.rows:
        if row.node == 0:
            picture[row.birth] += row.size_bytes
            picture[row.death + 1] -= row.size_bytes
    rows = max(taken + (live - taken) * share for taken, live in zip(accumulate(picture[:-1]), steps.live, strict=True))
    scratch = net.cores * scratch_bytes(net)
    rest = trial.least_bytes - steps.live_bytes - scratch
    return math.ceil((rows * 1.01 + scratch * share + rest) / 100) * 100
