"""Latency on this host: medians over warm runs, and the name of the host they were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgeblur.export.tflite.pixels import to_raw
from edgeblur.firmware_harness.engines.engines import Engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.records import Record

_MAX_RUNS = 30
_MIN_RUNS = 3
_BUDGET_S = 2.0
"""Reference kernels may take seconds a picture: a few runs must do then."""


@dataclass(frozen=True)
class Latency(Record):
    """Milliseconds an inference took over `runs` warm runs on one thread, copying in and out included."""

    NAMES: ClassVar = {"median_ms": "median", "min_ms": "min", "max_ms": "max"}
    DIGITS: ClassVar = {"median_ms": 4, "min_ms": 4, "max_ms": 4}

    median_ms: float
    min_ms: float
    max_ms: float
    runs: int


def measure_latency(engine: Engine) -> Latency:
    """Time an engine on a seeded random picture, as `measure_call` does."""
    end = engine.model.input
    raw = to_raw(random_picture(end.height, end.width, 0), end)
    return measure_call(lambda: engine.run_all(raw))


def measure_call(call: Callable[[], object]) -> Latency:
    """Time anything: a run to warm up, then 3 to 30 until 2 seconds are spent."""
    call()
    times_ms: list[float] = []
    deadline = time.perf_counter() + _BUDGET_S
    while len(times_ms) < _MIN_RUNS or (len(times_ms) < _MAX_RUNS and time.perf_counter() < deadline):
        start = time.perf_counter()
        call()
        times_ms.append((time.perf_counter() - start) * 1e3)
    return Latency(statistics.median(times_ms), min(times_ms), max(times_ms), len(times_ms))


def _processor() -> str:
    """The processor's or the board's name as Linux gives it, else what the architecture is called."""
    board = Path("/proc/device-tree/model")
    if board.is_file():
        return board.read_text(errors="replace").strip("\0\n ")
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def host_name() -> str:
    """What the latencies were measured on: processor, cores, operating system and architecture."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
