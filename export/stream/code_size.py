"""How much flash generated C takes: compiled for a Cortex-M4 if such a compiler is installed, else for this host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeblur.export.stream.emit import StreamFiles

OPTIMIZE_FLAGS = {"size": "-Os", "speed": "-O2"}
"""What the compiler is told for each aim."""


@dataclass(frozen=True)
class CodeSize:
    """The size of a model's compiled C.

    Attributes:
        flash_bytes: code, tables and weights, without start-up code and C library.
        code_bytes: of those, code and the structs that describe the layers.
        told: which compiler made it, for which processor.
    """

    flash_bytes: int
    code_bytes: int
    told: str


@dataclass(frozen=True)
class _Toolchain:
    compiler: str
    size: str
    flags: tuple[str, ...]
    told: str


_TOOLCHAINS = (
    _Toolchain("arm-none-eabi-gcc", "arm-none-eabi-size", ("-mcpu=cortex-m4", "-mthumb"), "Cortex-M4"),
    _Toolchain("gcc", "size", (), "this host"),
    _Toolchain("cc", "size", (), "this host"),
)


def _version(compiler: str) -> str:
    done = subprocess.run([compiler, "-dumpfullversion", "-dumpversion"], capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "of unknown version"


def measure_code(files: StreamFiles, name: str, optimize: str) -> CodeSize | None:
    """Compile a model's C and add up its sections.

    Args:
        files: the C.
        name: its prefix.
        optimize: the aim it was written for.

    Returns:
        None where no compiler is installed, or none that takes it.
    """
    for tools in _TOOLCHAINS:
        if shutil.which(tools.compiler) and shutil.which(tools.size):
            size = _compiled_bytes(files, name, tools, OPTIMIZE_FLAGS[optimize])
            if size is not None:
                told = f"{tools.told}, {tools.compiler} {_version(tools.compiler)} {OPTIMIZE_FLAGS[optimize]}"
                return CodeSize(size, size - files.constant_bytes, told)
    return None


def _compiled_bytes(files: StreamFiles, name: str, tools: _Toolchain, flag: str) -> int | None:
    """Bytes of `.text`, `.rodata` and `.data` together."""
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as folder:
        files.write(Path(folder), name)
        source, compiled = Path(folder) / f"{name}.c", Path(folder) / f"{name}.o"
        command = [tools.compiler, *tools.flags, "-std=c99", flag, "-c", str(source), "-o", str(compiled)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None  # no C library's headers beside this compiler
        done = subprocess.run([tools.size, str(compiled)], capture_output=True, text=True, check=False)
    text, data = done.stdout.splitlines()[1].split()[:2]
    return int(text) + int(data)
