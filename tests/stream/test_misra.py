"""MISRA C:2012 by cppcheck's addon over generated C: required rules are clean, or stand in a table with a reason."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet
from int16_nets import Int16Net
from stream_c import compiler, write_net
from veil_c import tiny_finder, write_veil

from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.veil.plan import HOLDS, plan_veil

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
ADVISORY = frozenset({"2.3", "2.4", "2.5", "2.6", "2.7", "4.2", "5.9", "8.7", "8.9", "8.11", "8.13", "8.14", "10.5",
                      "11.4", "11.5", "12.1", "12.3", "12.4", "13.3", "13.4", "15.1", "15.4", "15.5", "17.5", "17.8",
                      "18.4", "18.5", "19.2", "20.1", "20.5", "20.10", "21.12"})  # fmt: skip
"""Rules that are advice; all others are required or mandatory."""


def violations(source: Path) -> set[str]:
    """Numbers of rules of which cppcheck's addon finds a violation."""
    command = [compiler("cppcheck", optional=True), "--quiet", "--std=c99", "--addon=misra", "-DEDGEBLUR_PORTABLE",
               "--suppress=missingIncludeSystem", str(source)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Bailing out" not in done.stderr, done.stderr[:1000]
    return set(re.findall(r"misra-c2012-([0-9.]+)", done.stderr))


def justified() -> set[str]:
    """Rules in the table of the page."""
    return set(re.findall(r"^\| (\d+\.\d+) \|", PAGE.read_text(), re.MULTILINE))


@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize("kind", [Int8Net, Int16Net])
def test_required_rules_are_clean_or_justified(kind: type[Int8Net], optimize: str, tmp_path: Path) -> None:
    net = kind(seed=13)
    write_net(read_tflite(net.tflite(unet(net, 2, 2, (16, 12)))), "net", tmp_path, optimize=optimize)
    found = violations(tmp_path / "net.c")
    assert found, "the addon does not run"
    assert found - ADVISORY <= justified()


@pytest.mark.parametrize("hold", HOLDS)
def test_required_rules_of_a_veil_are_clean_or_justified(hold: str, tmp_path: Path) -> None:
    finder = tiny_finder(16, 16)
    write_veil(finder, plan_veil(finder, (9, 7), pixels="rgb888", hold=hold), tmp_path)
    assert violations(tmp_path / "model.c") - ADVISORY <= justified()
