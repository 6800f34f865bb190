"""The streaming engine on this host: its C, compiled by the host's compiler and called in place."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edgeblur.errors import RunError, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import ImageModel
from edgeblur.export.tflite.pixels import Raw
from edgeblur.files import write_text

NAME = "model"
"""Prefix of the C that only this host sees."""

_COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror")
"""What generated C must pass without a word."""

_LONG_ARRAY = re.compile(r"= \{[^{}]{4096,}\};")
"""An initializer of weights, which would take a compiler seconds and says nothing about the code."""


def compiler_path() -> str | None:
    """The host's C compiler: `$CC`, or the first of cc, gcc and clang; None if there is none."""
    names = filter(None, (os.environ.get("CC"), *_COMPILERS))
    return next((found for found in map(shutil.which, names) if found), None)


def find_compiler() -> str:
    """As `compiler_path`.

    Raises:
        UserError: there is none.
    """
    if (path := compiler_path()) is None:
        raise UserError("the engine stream compiles C, and no compiler was found: install gcc or clang, or set CC")
    return path


def build_library(source: Path, library: Path, flags: Sequence[str] = ("-O2",)) -> None:
    """Compile generated C into a shared library.

    Raises:
        UserError: no compiler.
        RunError: it does not compile cleanly; the message has the compiler's first complaint.
    """
    command = [find_compiler(), *FLAGS, *flags, "-shared", "-fPIC", str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
        raise RunError(f"generated C did not compile with {command[0]}: {complaint}")


def check_compiles(source: Path) -> None:
    """Let this host's compiler, if there is one that works, look at generated C; of long arrays it sees a zero.

    Args:
        source: a `.c` file; what it includes lies beside it.

    Raises:
        RunError: it has a complaint: a fault of edgeblur's, found before somebody else's compiler meets it.
    """
    if (compiler := compiler_path()) is None:
        return
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as place:
        for path in (*source.parent.glob("*.h"), source):
            write_text(Path(place) / path.name, _LONG_ARRAY.sub("= {0};", path.read_text()))
        complaint = _complaint(compiler, Path(place) / source.name)
        if complaint and not _complaint(compiler, _trivial(Path(place))):
            raise RunError(f"generated C does not compile with {compiler}, and was not written: {complaint}")


def _trivial(folder: Path) -> Path:
    """C that a working compiler takes: some, meant for bare chips, have no headers."""
    write_text(folder / "trivial.c", "#include <stdint.h>\n#include <string.h>\nextern uint8_t trivial;\n")
    return folder / "trivial.c"


def _complaint(compiler: str, source: Path) -> str:
    """The first complaint of a compiler about a file, "" for none."""
    done = subprocess.run([compiler, *FLAGS, "-fsyntax-only", str(source)], capture_output=True, text=True, check=False)
    if not done.returncode:
        return ""
    return next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()) or "no reason told"


def call_raw(library: Path, name: str, compiled: Compiled, model: ImageModel) -> Callable[[Raw], tuple[Raw, ...]]:
    """A compiled model as a function of its own numbers, `[1, height, width, channels]` both ways."""
    run = getattr(ctypes.CDLL(str(library)), f"{name}_run_raw")
    tensors = [end.tensor for end in model.outputs]
    state = np.zeros(-(-compiled.files.state_bytes // 4), np.uint32)

    def invoke(raw: Raw) -> tuple[Raw, ...]:
        picture = np.ascontiguousarray(raw)
        finished = tuple(np.empty(tensor.shape, tensor.dtype) for tensor in tensors)
        places = [ctypes.c_void_p(array.ctypes.data) for array in (state, picture, *finished)]
        several = (ctypes.c_void_p * len(finished))(*places[2:])
        status = run(*places[:2], several if len(finished) > 1 else places[2])
        if status:
            raise RuntimeError(f"status {status}")
        return finished

    return invoke


def compile_for_host(model: ImageModel, options: StreamOptions | None = None) -> Compiled:
    """Compile a model to C as `export` does, for `open_stream`; by default for speed, with direct kernels.

    Raises:
        UserError: it cannot be streamed, or not within so many bytes.
    """
    provenance = Provenance("model.tflite", NAME, model.graph)
    return compile_stream(model.graph, provenance, options or StreamOptions("speed"))


def open_stream(compiled: Compiled, model: ImageModel) -> Callable[[Raw], tuple[Raw, ...]]:
    """Build the C of `compile_for_host` and load it.

    Raises:
        UserError: there is no compiler.
        RunError: the C does not compile.
    """
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as folder:
        library = Path(folder) / f"{NAME}.so"
        compiled.files.write(Path(folder), NAME)
        build_library(Path(folder) / f"{NAME}.c", library)
        return call_raw(library, NAME, compiled, model)  # once loaded, the file may go
