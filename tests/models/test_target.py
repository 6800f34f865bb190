"""docs/target.md: its tables are those that were measured, and they say what the default was chosen by."""

from __future__ import annotations

import json

import pytest
import target

from edgeblur.pictures.blur import BlurStyle
from edgeblur.store.dataset import Dataset

MASKS = json.loads(target.MASKS.read_text())
SETS = json.loads(target.MEASURED.read_text())


def test_the_page_tells_what_was_measured() -> None:
    assert target.renewed(target.PAGE.read_text()) == target.PAGE.read_text(), "run docs/make/target.py"


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


@pytest.mark.parametrize("name", MASKS)
def test_larger_masks_leak_less_and_spoil_more(name: str) -> None:
    rows = MASKS[name]["rows"]
    leaked, outside = ([row[key] for row in rows] for key in ("leaked", "psnr_outside_db"))
    assert leaked[3]["centerface"] < 0.5 * leaked[0]["centerface"]
    assert outside == sorted(outside, reverse=True)


def test_measuring_masks(tiny_data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "MARGINS", (0, 3))
    told = target.measure_masks(tiny_data.root, "train", None)
    tight, wide = told["rows"]
    assert told["faces"] > 0
    assert (tight["margin"], wide["margin"]) == (0, 3)
    assert sum(wide["leaked"].values()) <= sum(tight["leaked"].values()) < told["faces"]
    assert wide["psnr_outside_db"] < tight["psnr_outside_db"]
    assert "grown by" in "".join(target.table("drawn", told))
