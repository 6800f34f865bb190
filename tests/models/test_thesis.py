"""docs/thesis.md: its tables are what was measured."""

from __future__ import annotations

import thesis


def test_the_tables_are_what_was_measured() -> None:
    page = thesis.PAGE.read_text()
    assert thesis.renewed(page) == page, "run `make thesis`"
    for net in thesis.NETS:
        assert f"| {net.name} |" in page
        assert f"| thesis: {net.name} |" in page


def test_the_thesis_s_nets_keep_the_reference_s_bytes() -> None:
    for net in thesis.Thesis.read(thesis.MEASURED).nets:
        assert {ran.board for ran in net.boards} == set(thesis.BOARDS)
        assert all(ran.bytes_compared > 0 and ran.differing_bytes == 0 for ran in net.boards), net.name
