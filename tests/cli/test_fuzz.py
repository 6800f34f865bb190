"""Mutated inputs; `make fuzz` goes on for hours. What once broke stays in tests/corpus.

`EDGEBLUR_FUZZ_SECONDS=20` is what libFuzzer gets for each of its harnesses; in CI so many by default.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from fuzz import FIGURES, TARGETS, Target, fuzz, fuzz_apart, table, try_input
from fuzz_c import C_TARGETS, FUZZER_FLAGS, REPLAY_FLAGS, has_libfuzzer, run_fuzzer

CORPUS = Path(__file__).parents[1] / "corpus"
EXECUTIONS = {"tflite": 40, "fields": 40}
FUZZ_SECONDS = float(os.environ.get("EDGEBLUR_FUZZ_SECONDS", "12" if os.environ.get("CI") else "2"))


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_are_taken_or_refused_in_a_sentence(name: str) -> None:
    found = fuzz(name, executions=EXECUTIONS.get(name, 250), seed=7)
    assert not found.broken
    assert found.accepted, "nothing gets through: the mutations test the first check alone"


def test_an_input_that_ends_the_process_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        TARGETS, "dying", Target(lambda data, folder: os.kill(os.getpid(), signal.SIGKILL), lambda: [b"a"])
    )
    found = fuzz_apart("dying", cpu_s=1, seed=1, keep=tmp_path / "last")
    assert list(found.broken) == ["the process ended by SIGKILL"]
    assert found.broken["the process ended by SIGKILL"] == (tmp_path / "last").read_bytes()


def kept() -> list[Path]:
    return sorted(path for path in CORPUS.glob("*/*.bin") if path.parent.name not in C_TARGETS)


@pytest.mark.parametrize("path", kept(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_once_broke_is_mended(path: Path, tmp_path: Path) -> None:
    assert not try_input(TARGETS[path.parent.name], path.read_bytes(), tmp_path)


def test_the_page_has_the_figures_and_nothing_is_open() -> None:
    """`python bench/fuzz.py --table` prints what belongs there."""
    assert table() in (FIGURES.parents[1] / "docs" / "reliability.md").read_text()
    assert '"open"' not in FIGURES.read_text()


def test_there_is_a_corpus() -> None:
    assert {path.parent.name for path in kept()} <= set(TARGETS)
    assert kept()
    assert all(list((CORPUS / name).glob("*.bin")) for name in C_TARGETS)


@pytest.mark.parametrize("name", C_TARGETS)
def test_c_does_with_the_corpus_what_it_should(name: str, tmp_path: Path) -> None:
    program = C_TARGETS[name].build(tmp_path, REPLAY_FLAGS, tool="gcc")
    files = sorted((CORPUS / name).glob("*.bin"))
    done = subprocess.run([program, *files], capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", C_TARGETS)
def test_libfuzzer_finds_nothing_in_c(name: str, tmp_path: Path) -> None:
    if not has_libfuzzer():
        pytest.skip("clang's fuzzer runtime is not installed (Debian: libclang-rt-dev)")
    program = C_TARGETS[name].build(tmp_path, FUZZER_FLAGS)
    (tmp_path / "corpus").mkdir()
    found = run_fuzzer(program, [tmp_path / "corpus", CORPUS / name], cpu_s=FUZZ_SECONDS, artifacts=tmp_path / "broken")
    assert not found.broken, found.broken
    assert found.executions > 100
