"""Interpreters that die: one sentence that names them, and the command lives on."""

from __future__ import annotations

from pathlib import Path

import pytest
from int8_nets import Int8Net

from edgeblur.errors import RunError
from edgeblur.export.tflite.options import AddOptions
from edgeblur.firmware_harness.engines.engines import available_engines, open_engine
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


def test_a_model_whose_scales_kill_an_interpreter_is_told(tmp_path: Path) -> None:
    net, path = Int8Net(seed=3), tmp_path / "far.tflite"
    x = net.picture(8, 8, 3, 2.0**50, 0)
    path.write_bytes(net.tflite(net.op("ADD", (x, x), net.plane(net.shape(x), 0.004, -128), AddOptions("NONE"), 2)))
    with pytest.raises(RunError, match=r"litert-ref crashed on .*far\.tflite \(SIGABRT\)"):
        open_engine("litert-ref", path)
