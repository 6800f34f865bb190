"""What the veil around a finder takes: instructions of a frame by core, and code."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.export.stream.costs.prices import counted_as
from edgeblur.export.veil.arithmetic import Mean, Packing, Sums, period
from edgeblur.export.veil.boxes import BoxPlan
from edgeblur.export.veil.plan import Tiles, VeilPlan
from edgeblur.records import read_record

CODE_BYTES = 3_800
"""Of the veil's C on Cortex-M4 at -O2; 3,000 at -Os."""

BOX_CODE_BYTES = 1_600
"""What a detector's boxes add: decoded, suppressed, drawn; 1,500 at -O2 as at -Os."""

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


def veil_code_bytes(plan: VeilPlan) -> int:
    """Flash for the veil's C."""
    return CODE_BYTES + (BOX_CODE_BYTES if plan.boxes is not None else 0)


def veil_work(plan: VeilPlan) -> dict[str, float]:
    """What is done for a frame in which nothing is veiled, by unit.

    `rows`; `summed`: numbers of the frame's units added up, three of 565 in one word where that has room; `unpacked`:
    units of 16 bits taken apart; `swapped`: those whose bytes are in the other order; `pairs`: units of two pixels,
    whose luma is added; `placed`: sums of pixels of the net that they are added to; `unfolded`: those of 565 whose
    three numbers come in one word; `walked`, `met`: units and sums of pixels whose weights do not repeat soon;
    `finished`: means of a pixel of the net; `divided`: pixels' means without a product; `shown`: pixels of the net that
    the finder sees; `converted`: those from YUV to RGB. Of a detector also what `boxes_work` says.
    """
    if plan.boxes is not None:
        return {**veil_work(replace(plan, boxes=None)), **boxes_work(plan.boxes)}
    if plan.tiles is not None:
        return _tiled_work(plan, plan.tiles)
    ends = {(row + 1) * plan.y.net_weight for row in range(plan.y.content)}
    inside = sum(end % plan.y.unit_weight != 0 for end in ends)  # rows that belong to two rows of the net
    passes, count, pixels = plan.height + inside, plan.pixels.components, plan.x.content * plan.y.content
    units, places, repeats = passes * plan.x.units, passes * plan.x.content, bool(period(plan.x))
    packing = Packing.of(plan)
    lanes = 1 if packing.units else count
    divided = sum(Mean.of(maximum, plan.total_weight).product is None for maximum in plan.pixels.maxima)
    return {
        "rows": float(plan.height),
        "summed": float(units * lanes),
        "unpacked": float(units * plan.pixels.is_565),
        "swapped": float(units * (plan.pixels.name == "rgb565be")),
        "pairs": float(units * (plan.pixels.unit_pixels > 1)),
        "placed": float(places * Sums.of(plan).per_pixel),
        "unfolded": float(places * count * (packing.units and not packing.sums)),
        "walked": 0.0 if repeats else float(units),
        "met": 0.0 if repeats else float(places * lanes),
        "finished": float(pixels * count),
        "divided": float(pixels * divided),
        "shown": float(pixels),
        "converted": float(pixels * (plan.pixels.kind == "yuv")),
    }


def _tiled_work(plan: VeilPlan, tiles: Tiles) -> dict[str, float]:
    """A frame shrinks anew for each tile, down to the tile's end, and for the last one to its own."""
    *others, _ = tiles.places
    looked = plan.y.content + sum(min(plan.y.content, top + tiles.height) for _, top in others)
    once = veil_work(replace(plan, tiles=None))
    return {unit: amount * looked / plan.y.content for unit, amount in once.items()}


def boxes_work(boxes: BoxPlan) -> dict[str, float]:
    """What is done for a detector's outputs where no score counts.

    `output_rows` that it gives; `output_bytes` of them, copied and checked; `anchors` whose score is looked at.
    """
    heads = [decoder.head for decoder in boxes.decoders]
    return {
        "output_rows": float(sum(2 * head.height for head in heads)),
        "output_bytes": float(sum(head.height * head.width * head.anchors * (1 + head.values) for head in heads)),
        "anchors": float(boxes.anchors),
    }


def veiled_work(plan: VeilPlan, units: int) -> dict[str, float]:
    """What so many veiled units take on top: those of 565 are blended in two words, others number by number."""
    if plan.pixels.is_565:
        return {"veiled": float(units), "packed": float(units)}
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
