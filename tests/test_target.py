"""docs/target.md: its tables are those that were measured, and they say what the default was chosen by."""

from __future__ import annotations

import json

import pytest
import target

from edgeblur.blur import BlurStyle
from edgeblur.dataset import Dataset

SETS = json.loads(target.MEASURED.read_text())


def test_the_page_tells_what_was_measured() -> None:
    assert target.renewed(target.PAGE.read_text()) == target.PAGE.read_text(), "run tests/target.py"


@pytest.mark.parametrize("name", SETS)
def test_the_default_is_among_the_best(name: str) -> None:
    told, style = SETS[name], BlurStyle()
    untouched, *styles = told["rows"]
    assert untouched["leaked"]["centerface"] > 0.9 * told["faces"]
    (default,) = [row for row in styles if (row["strength"], row["grow"]) == (style.strength, style.grow)]
    assert max(default["leaked"].values()) <= 0.03 * told["faces"]
    (weaker,) = [row for row in styles if (row["strength"], row["grow"]) == (0.3, 1.2)]
    assert sum(default["leaked"].values()) < sum(weaker["leaked"].values())


def test_measuring(tiny_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """On drawn scenes, with the real detectors: a strong blur of large ellipses leaves fewer faces than none."""
    monkeypatch.setattr(target, "STRENGTHS", (0.6,))
    monkeypatch.setattr(target, "GROWTHS", (1.35,))
    told = target.measure(tiny_data.root, "train", None)
    untouched, blurred = told["rows"]
    assert told["faces"] > 0
    assert set(untouched["leaked"]) == set(blurred["leaked"]) == {"centerface", "blazeface"}
    assert sum(blurred["leaked"].values()) <= sum(untouched["leaked"].values()) <= 2 * told["faces"]
    assert (blurred["strength"], blurred["grow"]) == (0.6, 1.35)
