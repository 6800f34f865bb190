"""How much flash generated C takes: compiled for a Cortex-M4 if such a compiler is installed, else for this host."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from edgeblur.export.stream.compile import Compiled

OPTIMIZE_FLAGS = {"size": "-Os", "balanced": "-O2", "speed": "-O2"}
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
class StreamCost:
    """What a model takes on a board with the streaming engine.

    Attributes:
        ram_bytes: everything writable but the stack.
        state_bytes: of that, the engine's state.
        row_bytes: of that, the caller's two rows.
        constant_bytes: weights and tables in flash.
        code: measured size of the compiled C; None if no compiler is installed.
        macs: multiply-accumulates of a picture.
        macs_recomputed: of those, what is spent a second time to save memory.
    """

    ram_bytes: int
    state_bytes: int
    row_bytes: int
    constant_bytes: int
    code: CodeSize | None
    macs: int
    macs_recomputed: int

    def as_json(self) -> dict[str, Any]:
        """The fields by name, `flash_bytes` among them; what is unknown is absent."""
        result = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "code"}
        code = self.code
        flash = {"flash_bytes": code.flash_bytes, "code_bytes": code.code_bytes, "code_for": code.told} if code else {}
        return result | flash


def stream_cost(compiled: Compiled, name: str, optimize: str) -> StreamCost:
    """What a compiled model takes; its code is compiled to be measured.

    Args:
        compiled: the model.
        name: the prefix that it was compiled with.
        optimize: the aim that it was compiled for.
    """
    files, net = compiled.files, compiled.net
    return StreamCost(
        ram_bytes=files.ram_bytes,
        state_bytes=files.state_bytes,
        row_bytes=files.row_bytes,
        constant_bytes=files.constant_bytes,
        code=measure_code(files, name, optimize),
        macs=net.macs,
        macs_recomputed=net.macs_recomputed,
    )


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


class Written(Protocol):
    """C as text that can be written into a folder."""

    @property
    def constant_bytes(self) -> int:
        """Weights and tables in flash."""

    def write(self, folder: Path, name: str) -> None:
        """Write all its files under a prefix."""


def measure_code(files: Written, name: str, optimize: str) -> CodeSize | None:
    """Compile a model's C and add up its sections.

    Args:
        files: the C, in one or several sources.
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


def _compiled_bytes(files: Written, name: str, tools: _Toolchain, flag: str) -> int | None:
    """Bytes of `.text`, `.rodata` and `.data` of all sources together."""
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as folder:
        files.write(Path(folder), name)
        sources = sorted(path.name for path in Path(folder).glob("*.c"))
        command = [tools.compiler, *tools.flags, "-std=c99", flag, "-c", *sources]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            return None  # no C library's headers beside this compiler
        objects = [source.replace(".c", ".o") for source in sources]
        done = subprocess.run([tools.size, *objects], cwd=folder, capture_output=True, text=True, check=False)
    sections = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
    return sum(int(text) + int(data) for text, data in sections)
