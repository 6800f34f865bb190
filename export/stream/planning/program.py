"""The order of row steps, stored compactly: a U-Net repeats itself every few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Program:
    """A sequence with one loop: `codes[loop_start:loop_end]` runs `repeats` times in all, the rest once.

    Attributes:
        codes: of the steps, as stored.
        loop_start, loop_end: the part that is repeated.
        repeats: how often; 1 if there is no loop.
    """

    codes: tuple[int, ...]
    loop_start: int
    loop_end: int
    repeats: int

    def unrolled(self) -> tuple[int, ...]:
        """The sequence as it runs."""
        body = self.codes[self.loop_start : self.loop_end]
        return self.codes[: self.loop_start] + body * self.repeats + self.codes[self.loop_end :]


def _longest_repetition(codes: NDArray[np.intp], period: int) -> tuple[int, int]:
    """Where `codes[i] == codes[i + period]` holds longest: the first such place, and for how many steps."""
    same = np.zeros(len(codes) - period + 2, np.int8)
    same[1:-1] = codes[:-period] == codes[period:]
    edges = np.flatnonzero(np.diff(same))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(lengths))
    return int(starts[longest]), int(lengths[longest])


def compress(codes: Sequence[int]) -> Program:
    """Find the loop that saves most.

    Periods that end where they begin are enough to try: from one picture row to another with as many rows between. None
    that is as long as the best program can do better, for its loop is stored once.
    """
    best, array = Program(tuple(codes), 0, len(codes), 1), np.asarray(codes, np.intp)
    places = [i for i, code in enumerate(codes) if code == 0]
    middle = len(places) // 2
    for later in range(middle + 1, len(places)):
        period = places[later] - places[middle]
        if period >= len(best.codes):
            break
        start, length = _longest_repetition(array, period)
        repeats = length // period + 1
        end = start + period
        if repeats > 1 and len(codes) - (repeats - 1) * period < len(best.codes):
            best = Program((*codes[:end], *codes[start + repeats * period :]), start, end, repeats)
    return best
