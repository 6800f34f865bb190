"""Interpreters that die: one sentence that names them, and the command lives on."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeblur.errors import RunError
from edgeblur.firmware_harness.engines.engines import available_engines
from edgeblur.firmware_harness.engines.trial import run_apart, try_engines

DYING = """
import os, signal, sys
sys.stdin.buffer.read()
print(sys.argv[1], flush=True)
print(sys.argv[2], flush=True)
os.kill(os.getpid(), getattr(signal, "{signal}"))
"""


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGILL"])
def test_a_crash_is_told_with_the_engine_and_the_signal(name: str) -> None:
    with pytest.raises(RunError, match=rf"tflm crashed on net\.tflite \({name}\)"):
        run_apart(DYING.format(signal=name), ["litert", "tflm"], b"x" * 10**6, "net.tflite")


def test_a_model_that_runs_everywhere_is_let_pass(tiny_int8: Path) -> None:
    try_engines([name for name in available_engines() if name != "stream"], tiny_int8.read_bytes(), "tiny")


def test_what_an_engine_refuses_in_words_is_no_crash() -> None:
    try_engines(["litert"], b"no model", "none")
    try_engines([], b"", "none")
