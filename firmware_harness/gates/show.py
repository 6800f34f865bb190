"""A checked model as a table for people and as JUnit XML for CI services."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree

from rich.table import Table
from rich.text import Text

from edgeblur.firmware_harness.gates.check import BYTES, DECIBEL, SHARE, Checked, Row


def gates_table(checked: Checked) -> Table:
    """One row a gate: what was found, the limit, and what is left."""
    table = Table(title=Text(f"{checked.model} and its gates"), title_justify="left", box=None, pad_edge=False)
    for heading in ("place", "gate"):
        table.add_column(heading, no_wrap=True)
    for heading in ("found", "limit", "margin"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("basis")
    table.add_column("")
    for row in checked.rows:
        passed = Text("passed", "green") if row.passed else Text("FAILED", "bold red")
        found, limit = _number(row, row.found), _number(row, row.limit)
        table.add_row(row.place, row.gate, found, limit, _margin(row), row.basis, passed)
    return table


def junit_xml(checked: Sequence[Checked]) -> bytes:
    """Gates as test cases, as Jenkins, GitLab and others read them: a suite a model, a class a place."""
    suites = ElementTree.Element("testsuites", _counts(checked))
    for one in checked:
        suite = ElementTree.SubElement(suites, "testsuite", {"name": f"edgeblur check {one.model}", **_counts([one])})
        for row in one.rows:
            case = ElementTree.SubElement(
                suite, "testcase", {"classname": f"{one.model}.{row.place}", "name": row.gate}
            )
            message = f"found {_number(row, row.found)}, limit {_number(row, row.limit)}, {row.basis}"
            if row.passed:
                ElementTree.SubElement(case, "system-out").text = message
            else:
                ElementTree.SubElement(case, "failure", {"message": message, "type": row.gate})
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _counts(checked: Sequence[Checked]) -> dict[str, str]:
    tests, failures = sum(len(one.rows) for one in checked), sum(len(one.failed) for one in checked)
    return {"tests": str(tests), "failures": str(failures), "errors": "0"}


def _number(row: Row, number: float | None) -> str:
    if number is None:
        return "unknown"
    if math.isinf(number):
        return "identical"
    if row.unit == SHARE:
        return f"{number:.1%}"
    if row.unit == DECIBEL:
        return f"{number:.2f} dB"
    return f"{number:,.0f}{' B' if row.unit == BYTES else ''}"


def _margin(row: Row) -> str:
    """What is left, in the unit and as a share of the limit where there is one."""
    if row.margin is None or math.isinf(row.margin):
        return "-"
    if row.unit == SHARE:
        return f"{100 * row.margin:+.1f} points"
    if row.unit == DECIBEL:
        return f"{row.margin:+.2f} dB"
    return f"{row.margin:+,.0f} ({row.margin / row.limit:+.0%})" if row.limit else f"{row.margin:+,.0f}"
