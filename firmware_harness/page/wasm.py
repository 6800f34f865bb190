"""Generated C as WebAssembly, by clang and lld."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from edgeblur.errors import RunError, UserError
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames

NAME = "model"
"""Prefix of the generated C: page.c calls it by this name."""

_FLAGS = (
    "--target=wasm32", "-std=c99", "-O2", "-ffreestanding", "-nostdlib", "-mbulk-memory", "-Wno-unknown-pragmas",
    "-isystem", "include", "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=65536",
)  # fmt: skip


def compile_wasm(graph: Graph, frames: FrameOptions, title: str) -> tuple[CompiledFrames, bytes]:
    """A mask head for frames, as C and as WebAssembly.

    Args:
        graph: int8, with a mask.
        frames: held as `buffer`.
        title: what the model is called.

    Returns:
        The C, and a module that exports `memory`, `begin`, `blur`, `frame` and `mask`.

    Raises:
        UserError: no clang or wasm-ld, or the model has no mask.
        RunError: the C does not compile.
    """
    _require_tools()
    provenance = Provenance(comment_safe(title), NAME, graph, frames.told)
    compiled = compile_frames(graph, frames, provenance, StreamOptions(optimize="speed"))
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        folder = Path(name)
        compiled.files.write(folder, NAME)
        with resources.as_file(resources.files("edgeblur.firmware_harness.page") / "wasm") as own:
            shutil.copytree(own, folder, dirs_exist_ok=True)
        sources = sorted(path.name for path in folder.glob("*.c"))
        done = subprocess.run(
            ["clang", *_FLAGS, *sources, "-o", "page.wasm"],
            cwd=folder, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            raise RunError(f"clang could not compile {title} for WebAssembly: {first}")
        return compiled, (folder / "page.wasm").read_bytes()


def _require_tools() -> None:
    missing = [tool for tool in ("clang", "wasm-ld") if shutil.which(tool) is None]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} not found: install both with `sudo apt-get install clang lld` (macOS: `brew "
            "install llvm lld`)"
        )
