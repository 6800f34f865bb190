"""docs/families.md: its table is what was measured, and the default is of the family that won."""

from __future__ import annotations

import json

import families


def test_the_page_tells_what_was_measured() -> None:
    assert families.renewed(families.PAGE.read_text()) == families.PAGE.read_text(), "run docs/make/families.py"


def test_every_family_was_run_exactly() -> None:
    told = json.loads(families.MEASURED.read_text())
    assert [row["name"] for row in told["rows"]] == list(families.specs())
    assert all(row["differing_bytes"] == 0 for row in told["rows"])
