"""What the veil around a finder takes: instructions of a frame by core, and code."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeblur.export.stream.costs.prices import counted_as
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.records import read_record

CODE_BYTES = 3_700
"""Of the veil's C on Cortex-M4 at -O2; 3,000 at -Os."""

COSTS = Path(__file__).with_name("costs.json")
"""Written by bench/count_veil.py."""


@dataclass(frozen=True)
class VeilPrices:
    """What the veil costs on a core.

    Attributes:
        compiler: what made the code that was counted.
        units: executed instructions by unit of `veil_work` and `veiled_work`.
        held_out: predicted less counted, as a share of counted, of frames that prices were not fitted to.
    """

    compiler: str
    units: Mapping[str, float]
    held_out: Mapping[str, float]


def veil_work(plan: VeilPlan) -> dict[str, float]:
    """What is done for a frame in which nothing is veiled, by unit.

    `units`: read; `summed`: components added up; `unpacked`: units of 16 bits taken apart; `pairs`: units of two
    pixels, whose luma is added; `places`: pixels of the net whose sums go on; `finished`: their components.
    """
    ends = {(row + 1) * plan.y.net_weight for row in range(plan.y.content)}
    inside = sum(end % plan.y.unit_weight != 0 for end in ends)  # rows that belong to two rows of the net
    passes, count = plan.height + inside, plan.pixels.components
    units = passes * plan.x.units
    return {
        "units": float(units),
        "summed": float(units * count),
        "unpacked": float(units * plan.pixels.is_565),
        "pairs": float(units * (plan.pixels.unit_pixels > 1)),
        "places": float(passes * plan.x.content),
        "finished": float(plan.x.content * plan.y.content * count),
    }


def veiled_work(plan: VeilPlan, units: int) -> dict[str, float]:
    """What so many veiled units take on top."""
    return {"veiled": float(units), "blended": float(units * len(plan.pixels.parts))}


@functools.cache
def veil_prices(core: str, optimize: str) -> VeilPrices | None:
    """The prices of a core and an aim; None if nothing was counted there."""
    known = read_record(COSTS, dict[str, dict[str, VeilPrices]])
    return known.get(counted_as(core), {}).get("size" if optimize == "size" else "speed")


def veil_instructions(plan: VeilPlan, core: str, optimize: str = "speed") -> int | None:
    """Instructions of a frame in which nothing is veiled, without the finder's; None if nothing was counted there.

    Args:
        plan: of the frame.
        core: a key of boards.toml.
        optimize: `size`, `balanced` or `speed`.
    """
    prices = veil_prices(core, optimize)
    if prices is None:
        return None
    return round(sum(prices.units.get(unit, 0.0) * amount for unit, amount in veil_work(plan).items()))
