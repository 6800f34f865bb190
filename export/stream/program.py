"""The order of row steps, stored compactly: a U-Net repeats itself every few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


def _longest_repetition(codes: Sequence[int], period: int) -> tuple[int, int]:
    """Where `codes[i] == codes[i + period]` holds longest: the first such place, and for how many steps."""
    best_start, best_length, start = 0, 0, 0
    for i in range(len(codes) - period + 1):
        if i == len(codes) - period or codes[i] != codes[i + period]:
            if i - start > best_length:
                best_start, best_length = start, i - start
            start = i + 1
    return best_start, best_length


def compress(codes: Sequence[int]) -> Program:
    """Find the loop that saves most.

    Periods that end where they begin are enough to try: from one picture row to another with as many rows between.
    """
    best = Program(tuple(codes), 0, len(codes), 1)
    places = [i for i, code in enumerate(codes) if code == 0]
    middle = len(places) // 2
    for later in range(middle + 1, len(places)):
        period = places[later] - places[middle]
        start, length = _longest_repetition(codes, period)
        repeats = length // period + 1
        end = start + period
        if repeats > 1 and len(codes) - (repeats - 1) * period < len(best.codes):
            best = Program((*codes[:end], *codes[start + repeats * period :]), start, end, repeats)
    return best
