"""What the veil around a finder takes: instructions of a frame, and code."""

from __future__ import annotations

from edgeblur.export.veil.plan import VeilPlan

CODE_BYTES = 3_700
"""Of the veil's C on Cortex-M4 at -O2; 3,000 at -Os."""

_COMPONENT_OF_UNIT, _COMPONENT_OF_PART, _COMPONENT_OF_PIXEL = 5.7, 8.3, 20.0
"""Instructions on Cortex-M4 at -O2, by component: of a unit that is added up, of a pixel of the net whose sum goes on,
of one that is finished. Frames of four formats at 320x240 and 640x480 took within 10 % of what comes of them."""


def veil_instructions(plan: VeilPlan) -> int:
    """Instructions of a frame in which nothing is veiled, without the finder's.

    A veiled unit takes 20 to 50 more.
    """
    ends = {(row + 1) * plan.y.net_weight for row in range(plan.y.content)}
    inside = sum(end % plan.y.unit_weight != 0 for end in ends)  # rows that belong to two rows of the net
    passes = plan.height + inside
    work = passes * (plan.x.units * _COMPONENT_OF_UNIT + plan.x.content * _COMPONENT_OF_PART)
    return round(plan.pixels.components * (work + plan.x.content * plan.y.content * _COMPONENT_OF_PIXEL))
