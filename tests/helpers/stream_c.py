"""Nets compiled to streaming C and run by stream_harness.c, many in one program."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import Graph
from edgeblur.firmware_harness.engines.host_c import FLAGS

HARNESS = Path(__file__).with_name("stream_harness.c")
SANITIZERS = ("-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def compiler(name: str, *, optional: bool = False) -> str:
    """The path of a compiler; without it the test is skipped, except that CI must have the needed ones."""
    path = shutil.which(name)
    if path is None:
        missing = pytest.fail if os.environ.get("CI") and not optional else pytest.skip
        missing(f"{name} is not installed")
    return path


def write_net(graph: Graph, name: str, folder: Path, *, optimize: str = "size") -> Compiled:
    """Compile a graph to C files in a folder."""
    compiled = compile_stream(graph, Provenance(f"{name}.tflite", name, graph), StreamOptions(optimize))
    compiled.files.write(folder, name)
    return compiled


def write_list(folder: Path, names: Sequence[str]) -> None:
    """Write nets.h, which tells the harness what to run."""
    lines = [f'#include "{name}.h"' for name in names]
    several = {name for name in names if f"{name.upper()}_OUTPUTS " in (folder / f"{name}.h").read_text()}
    listed = " ".join(f"{'SEVERAL' if name in several else 'NET'}({name}, {name.upper()})" for name in names)
    (folder / "nets.h").write_text("\n".join([*lines, f"#define NETS(NET, SEVERAL) {listed}", ""]))


def build(
    folder: Path, names: Sequence[str], flags: Sequence[str], *, tool: str = "gcc", program: str = "nets"
) -> Path:
    """Compile the nets of a folder and the harness, without a warning, into a program."""
    write_list(folder, names)
    sources = [str(folder / f"{name}.c") for name in names]
    command = [compiler(tool), *FLAGS, *flags, f"-I{folder}", str(HARNESS), *sources, "-o", str(folder / program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / program


def run(program: Path, mode: str, pictures: Sequence[NDArray[Any]], each: int, *, fill: int = 0xAA) -> bytes:
    """Send pictures through the nets of a program, so many through each; what they make, one after the other."""
    given = b"".join(np.ascontiguousarray(picture).tobytes() for picture in pictures)
    command = [str(program), mode, str(each), str(fill)]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[:4000]
    return done.stdout
