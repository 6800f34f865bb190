"""How sure a rate is that was counted on so many cases."""

from __future__ import annotations

import math

_Z = 1.959964  # of 95 %


def wilson(part: int, whole: int) -> tuple[float, float] | None:
    """The 95 % confidence interval of a share, 0 to 1; None of nothing.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference": unlike the usual one it holds
    near 0 as well, where leak rates lie. Two rates whose intervals overlap widely are not known to differ.
    """
    if whole < 1:
        return None
    share, square = part / whole, _Z**2 / whole
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / whole + square / (4 * whole)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def interval_json(part: int, whole: int) -> list[float] | None:
    """The same for files, rounded as rates are."""
    found = wilson(part, whole)
    return None if found is None else [round(end, 4) for end in found]
