"""Measures what compiled code of the streaming engine takes on each emulated core; `make sizes` runs it.

Writes firmware_harness/fit/code_sizes.json, from which `edgeblur fit` estimates a model's flash without a compiler.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from code_samples import every_kernel, every_kernel_int16, samples, samples_int16, unets
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from int8_nets import Int8Net
from numpy.typing import NDArray
from winograd_nets import compile_whole, forced

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.choose import WINOGRAD, cost_on
from edgeblur.export.stream.costs.code_size import OPTIMIZE_FLAGS
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.report.footprints import kernels_of
from edgeblur.export.tflite.graph import Graph
from edgeblur.files import write_json
from edgeblur.firmware_harness.boards.boards import Board, boards
from edgeblur.firmware_harness.emulation.build import build, compiler_version, write_project
from edgeblur.firmware_harness.emulation.elf import read_elf
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.fit.code_sizes import PATH
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.progress import say

UNUSED = (
    "model_run", "model_run_raw", "model_push_row", "model_pop_row", "model_pixel_to_step", "model_step_to_pixel",
)  # fmt: skip
"""What our firmware does not call, so that the linker drops it."""

FLAGS = ("-std=c99", "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables")


def compiled(graph: Graph, optimize: str) -> Compiled:
    return compile_stream(graph, Provenance("model", NAME, graph), StreamOptions(optimize))


def code_bytes(model: Compiled, board: Board, optimize: str, folder: Path) -> int:
    """What a model's object file takes without its weights and tables, and without what is not called."""
    model.files.write(folder, NAME)
    toolchain = board.core.toolchain
    target = (*toolchain.flags, *board.core.flags, OPTIMIZE_FLAGS[optimize])
    command = [toolchain.compiler, *target, *FLAGS, "-c", f"{NAME}.c", "-o", "model.o"]
    subprocess.run(command, cwd=folder, check=True)
    total = 0
    with (folder / "model.o").open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section.name.split(".")[-1] not in UNUSED:
                total += section["sh_size"]
    tables = sum(256 for table in UNUSED[-2:] if f"{table}[256]" in model.files.weights)
    return total - (model.files.constant_bytes - tables)


def solve(models: list[Compiled], sizes: list[int], *, shared: bool) -> dict[str, Any]:
    """Bytes of the engine, of each kernel, of each layer of it, that explain measured sizes best.

    Args:
        models: compiled.
        sizes: of their code.
        shared: layers share one kernel; else each has its own, and a kernel takes nothing apart from its layers.
    """
    counts = [kernels_of(model.net) for model in models]
    names = sorted({name for count in counts for name in count})
    once = [[min(count[name], 1) if shared else 0 for name in names] for count in counts]
    rows = [[1, *used, *(count[name] for name in names)] for used, count in zip(once, counts, strict=True)]
    found: NDArray[np.float64] = np.linalg.lstsq(np.array(rows, float), np.array(sizes, float), rcond=None)[0]
    numbers = [max(0, round(number)) for number in found]
    kernels = {
        name: {"bytes": numbers[1 + i], "layer_bytes": numbers[1 + len(names) + i]} for i, name in enumerate(names)
    }
    return {"engine_bytes": numbers[0], "kernels": kernels}


def estimate(known: dict[str, Any], count: Counter[str]) -> int:
    kernels = known["kernels"]
    layers = sum(kernels[name]["bytes"] + number * kernels[name]["layer_bytes"] for name, number in count.items())
    return int(known["engine_bytes"] + layers)


def with_winograd(graph: Graph) -> Compiled:
    """A net with Winograd's kernel wherever that is possible."""
    return compile_whole(forced(lower(graph)), graph, Provenance("model", NAME, graph))


def winograd_size(board: Board) -> dict[str, int]:
    """Winograd's kernel, which all its layers share whatever the aim, and each layer of it; written for speed."""
    sizes = []
    with tempfile.TemporaryDirectory() as name:
        for count in (0, 1, 4):
            net = Int8Net(seed=1)
            plane = net.conv(net.picture(16, 16), 8, (1, 1))
            for _ in range(count):
                plane = net.conv(plane, 8)
            sizes.append(code_bytes(with_winograd(net.graph(net.conv(plane, 3, (1, 1)))), board, "speed", Path(name)))
    layer = round((sizes[2] - sizes[1]) / 3)
    return {"bytes": sizes[1] - sizes[0] - layer, "layer_bytes": layer}


def runtime(model: Compiled, board: Board, optimize: str) -> tuple[int, int]:
    """Flash of everything but the model in linked firmware, and the stack at its deepest moment."""
    with tempfile.TemporaryDirectory() as name:
        elf = build(write_project(Path(name), model, board, optimize))
        linked, plane = read_elf(elf), model.net.nodes
        picture = np.random.default_rng(0).integers(-128, 128, plane[0].plane.height * plane[0].plane.row_bytes)
        size = plane[-1].plane.height * plane[-1].plane.row_bytes
        _, told = emulate(board, elf, [picture.astype(np.int8).tobytes()], output_bytes=size, limit_s=120)
    own = sum(linked.size_bytes(name) for name in (".model_code", ".model_constants"))
    return linked.flash_bytes - own, told.stack_bytes


def measure(board: Board, optimize: str) -> dict[str, Any]:
    models, checks = [[compiled(graph, optimize) for graph in graphs] for graphs in (samples(), unets(4, 8))]
    whole, whole_int16 = compiled(every_kernel(), optimize), compiled(every_kernel_int16(), optimize)
    others = (*checks, whole)  # the table is not made from these
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = [code_bytes(model, board, optimize, folder) for model in models]
        known = solve(models, sizes, shared=optimize == "size")
        real = [code_bytes(model, board, optimize, folder) for model in others]
        wide = [compiled(graph, optimize) for graph in samples_int16()]
        wide_sizes = [code_bytes(model, board, optimize, folder) for model in wide]
        known["kernels"] |= solve(wide, wide_sizes, shared=optimize == "size")["kernels"]
    shares = [size / estimate(known, kernels_of(model.net)) for size, model in zip(real, others, strict=True)]
    roomy = dataclasses.replace(board, stack_bytes=4096)
    pairs = [runtime(model, roomy, optimize) for model in (checks[0], whole, whole_int16)]
    if optimize == "speed":
        known["kernels"][WINOGRAD] = winograd_size(board)
        if cost_on(board.core.name):
            pairs.append(runtime(with_winograd(unets(4)[0]), roomy, optimize))
    return {
        "runtime_bytes": max(flash for flash, _ in pairs),
        "stack_bytes": max(stack for _, stack in pairs),
        "least_share": round(min(shares), 3),
        "most_share": round(max(shares), 3),
        **known,
    }


def main() -> None:
    cores = {}
    for board in boards():
        if board.emulator:
            cores[board.core.name] = {
                "board": board.name,
                "compiler": compiler_version(board.core.toolchain),
                **{optimize: measure(board, optimize) for optimize in OPTIMIZE},
            }
            say(f"{board.core.name}, on {board.name}: measured")
    write_json(PATH, {"made_by": "python bench/measure_code_sizes.py", "cores": cores})


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
