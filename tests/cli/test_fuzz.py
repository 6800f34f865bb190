"""Mutated inputs and kills; `make fuzz` and `make torture` go on for hours. What once broke stays in tests/corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz import TARGETS, fuzz, try_input
from torture import torture

CORPUS = Path(__file__).parents[1] / "corpus"
EXECUTIONS = {"tflite": 40}


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_are_taken_or_refused_in_a_sentence(name: str) -> None:
    found = fuzz(name, executions=EXECUTIONS.get(name, 250), seed=7)
    assert not found.broken
    assert found.accepted, "nothing gets through: the mutations test the first check alone"


def kept() -> list[Path]:
    return sorted(CORPUS.glob("*/*.bin"))


@pytest.mark.parametrize("path", kept(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_once_broke_is_mended(path: Path, tmp_path: Path) -> None:
    assert not try_input(TARGETS[path.parent.name], path.read_bytes(), tmp_path)


def test_there_is_a_corpus() -> None:
    assert {path.parent.name for path in kept()} <= set(TARGETS)
    assert kept()


@pytest.mark.parametrize("name", ["data", "blur"])
def test_kills_and_full_disks_lose_nothing(name: str) -> None:
    torture(name, kills=2, disks=1, seed=3)
