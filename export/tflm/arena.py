"""How much working memory TensorFlow Lite Micro needs for a model, measured by running its own allocator."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass

# In a process of its own: the recording allocator prints from C++, and an op it does not like may end the process.
# Of 16 bits some ops are prepared and fail at the first picture, so one is run; of 8 bits that would only take time.
_RECORD = """
import sys
import numpy as np
from tflite_micro import runtime
model, arena_bytes = sys.stdin.buffer.read(), int(sys.argv[1])
try:
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    taken = interpreter.get_input_details(0)
    if taken["dtype"] == np.int16:
        interpreter.set_input(np.zeros(taken["shape"], np.int16), 0)
        interpreter.invoke()
except RuntimeError as error:
    sys.exit(f"RuntimeError: {error}")
interpreter.print_allocations()
"""

_ARENA_BYTES = 2**28
"""Offered to the allocator; what it does not touch costs nothing."""

_TIMEOUT_S = 300


@dataclass(frozen=True)
class Arena:
    """What the recording came to: bytes, or the reason why there are none in half a sentence."""

    bytes: int | None
    why_not: str | None


def _reason(stderr: str) -> str:
    """TensorFlow Lite Micro's own words for what went wrong, as far as it had some."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and "RuntimeError" not in line]
    said = next((line for line in lines if "find op" in line or "support" in line), "".join(lines[-1:]))
    return f"TensorFlow Lite Micro cannot run this model ({said or 'it gave no reason'})"


def record_arena(data: bytes) -> Arena:
    """Measure the arena of a .tflite with the tflite-micro package.

    Counted: everything that the allocator hands out, activations, input and output tensors, the kernels' scratch and
    persistent buffers, the interpreter's own tables, and the alignment between them. That is the smallest arena with
    which this model runs here. Not counted: the model (it stays in flash), the stack, and the interpreter object. The
    package has reference kernels and 64-bit pointers: on a 32-bit microcontroller the tables are smaller, and optimized
    kernels (CMSIS-NN, ESP-NN) want other scratch buffers, often less.

    Args:
        data: a whole .tflite, as `read_tflite` has checked it.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        return Arena(None, "the package tflite-micro is not installed: pip install 'edgeblur[engines]'")
    command = [sys.executable, "-P", "-c", _RECORD, str(_ARENA_BYTES)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Arena(None, f"TensorFlow Lite Micro did not answer within {_TIMEOUT_S} s")
    stderr = done.stderr.decode(errors="replace")
    total = re.findall(r"Arena allocation total (\d+) bytes", stderr)
    if done.returncode or not total:
        return Arena(None, _reason(stderr))
    return Arena(int(total[-1]), None)


def measure_arena(data: bytes) -> int | None:
    """The arena of a .tflite in bytes (see `record_arena`), None where it cannot be measured."""
    return record_arena(data).bytes
