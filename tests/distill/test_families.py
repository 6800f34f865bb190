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


def test_families_that_lie_wholly_on_an_npu_are_marked() -> None:
    told = json.loads(families.MEASURED.read_text())["npu"]
    assert [row["name"] for row in told] == [*families.specs(), *families.PAINTERS]
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in families.npu_table(told)}
    for row in told:
        assert ("**yes**" in lines[row["name"]]) == (not row["cpu_ops"])
    assert {row["name"] for row in told if not row["cpu_ops"]} == set(families.PAINTERS)
