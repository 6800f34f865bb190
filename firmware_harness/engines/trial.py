"""A model's first run, in a process of its own: an interpreter that a model crashes must not take the command along."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from edgeblur.errors import RunError

_TRIAL = """
import sys
import numpy as np
from edgeblur.firmware_harness.engines.engines import open_engine
data = sys.stdin.buffer.read()
for name in sys.argv[1:]:
    print(name, flush=True)
    engine = open_engine(name, data, several=True, apart=True)
    tensor = engine.model.input.tensor
    noise = np.random.default_rng(0).integers(0, 256, tensor.shape).astype(np.uint8)
    engine.run_all(noise.view(np.int8) if tensor.dtype == "int8" else noise.astype(tensor.dtype))
"""

_LIMIT_S = 600


def try_engines(names: Sequence[str], data: bytes, label: str) -> None:
    """Run a model once in each of these engines, in another process; what they refuse in words is reported later.

    Args:
        names: of engines.
        data: a whole .tflite, as `read_tflite` has checked it.
        label: what messages call the model.

    Raises:
        RunError: an interpreter crashed, or did not end.
    """
    if names:
        run_apart(_TRIAL, names, data, label)


def run_apart(program: str, names: Sequence[str], data: bytes, label: str) -> None:
    """Run a Python program that prints each name as it comes to it.

    Raises:
        RunError: a signal ended it, or the time limit; the sentence says at which name.
    """
    command = [sys.executable, "-P", "-c", program, *names]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            printed, _ = child.communicate(data, timeout=_LIMIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            printed, _ = child.communicate()
            raise RunError(f"{_last(printed, names)} did not run {label} once within {_LIMIT_S} s") from None
        except BaseException:
            child.kill()
            raise
    if child.returncode < 0:
        how = signal.Signals(-child.returncode).name
        raise RunError(
            f"{_last(printed, names)} crashed on {label} ({how}): the interpreter itself is broken by this model; "
            "name other engines, such as stream",
            options=("engine",),
        )


def _last(printed: bytes, names: Sequence[str]) -> str:
    return printed.decode(errors="replace").split()[-1] if printed.strip() else names[0]
