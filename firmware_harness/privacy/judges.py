"""Who judges leaks: a detector, from which score on, and how much its pictures are enlarged first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from edgeblur.detectors.detector import Detector
from edgeblur.detectors.open import open_detector
from edgeblur.errors import UserError

THRESHOLD = 0.4
"""Score from which a detector's finding counts where no other is named."""
_MAX_ENLARGED = 10
_SPEC = re.compile(r"(?P<detector>[a-z][a-z-]*)(@(?P<threshold>[0-9.]+))?(x(?P<enlarged>[0-9]+))?")


@dataclass(frozen=True)
class Judge:
    """A detector and how it is asked.

    Attributes:
        detector: its name.
        threshold: score from which a finding counts, between 0 and 1.
        enlarged: factor by which pictures are enlarged before it sees them: it finds faces that it would miss at a
            model's 128 pixels.
    """

    detector: str
    threshold: float = THRESHOLD
    enlarged: int = 1

    def __str__(self) -> str:
        """As people type it: `centerface`, `centerface@0.7`, `centerface@0.4x5`."""
        threshold = f"@{self.threshold:g}" if self.threshold != THRESHOLD or self.enlarged > 1 else ""
        return self.detector + threshold + (f"x{self.enlarged}" if self.enlarged > 1 else "")


@dataclass(frozen=True)
class OpenJudge:
    """A judge with its detector loaded."""

    judge: Judge
    detector: Detector


def parse_judge(text: str) -> Judge:
    """Read `NAME`, `NAME@THRESHOLD` or `NAME@THRESHOLDxFACTOR`.

    Raises:
        UserError: it is something else, or a threshold or a factor is out of bounds.
    """
    judge = _read(text)
    if judge is None or not 0 < judge.threshold < 1 or not 1 <= judge.enlarged <= _MAX_ENLARGED:
        raise UserError(
            f"{text!r} is no judge: write a detector's name, and behind it, if you like, the score from which a "
            f"finding counts (0 to 1) and a factor of 1 to {_MAX_ENLARGED} by which pictures are enlarged, such as "
            "centerface@0.4x5"
        )
    return judge


def _read(text: str) -> Judge | None:
    match = _SPEC.fullmatch(text)
    if match is None:
        return None
    try:
        return Judge(match["detector"], float(match["threshold"] or THRESHOLD), int(match["enlarged"] or 1))
    except ValueError:  # 0.4.1
        return None


def open_judges(named: Sequence[str]) -> tuple[OpenJudge, ...]:
    """Load the detectors of judges, each once.

    Raises:
        UserError: a judge is named twice or wrongly, no such detector, or its package is not installed.
    """
    judges = [parse_judge(text) for text in named]
    if len(set(judges)) < len(judges):
        raise UserError(f"a detector is named twice ({', '.join(named)}): each one looks once")
    loaded = {name: open_detector(name) for name in dict.fromkeys(judge.detector for judge in judges)}
    return tuple(OpenJudge(judge, loaded[judge.detector]) for judge in judges)
