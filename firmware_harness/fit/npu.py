"""A model on an Arm Ethos-U: what Arm's compiler Vela places there, beside our engine on the Cortex-M55 next to it."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.table import Table
from rich.text import Text

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import Fit, fit
from edgeblur.models.choose import Chosen
from edgeblur.records import Record

NPUS = (
    *(f"ethos-u55-{macs}" for macs in (32, 64, 128, 256)),
    *(f"ethos-u65-{macs}" for macs in (256, 512)),
    *(f"ethos-u85-{macs}" for macs in (128, 256, 512, 1024, 2048)),
)
"""Accelerators by Vela's names: the number is of multiply-accumulates a cycle."""

_BESIDE = "mps3-an547"
_OPERATION = re.compile(r"\s+(?P<place>CPU|NPU): (?P<kind>.+?) = (?P<output>.*) \(outputs .*\)$")
_LIMIT_S = 600


@dataclass(frozen=True)
class CpuOp(Record):
    """An operation that the processor must run: the kind, as the .tflite names it, and the output tensor's name."""

    op: str
    output: str


@dataclass(frozen=True)
class NpuFit(Record):
    """What Vela says of a model on an accelerator.

    Attributes:
        model: its name.
        npu: one of `NPUS`.
        sram_bytes: that Vela plans: the arena with input and output.
        flash_bytes: for the accelerator's commands and weights.
        estimated_ms: of a frame at Vela's default clock and memories, the operations of the processor not counted.
        npu_ops: how many operations the accelerator runs.
        cpu_ops: those that the processor must run.
        vela: what compiled it.
        beside: our engine on the Cortex-M55 that stands next to it.
    """

    KEYS: ClassVar[tuple[str, ...]] = ("model", "npu", "whole")

    model: str
    npu: str
    sram_bytes: int
    flash_bytes: int
    estimated_ms: float
    npu_ops: int
    cpu_ops: tuple[CpuOp, ...]
    vela: str
    beside: Fit

    @property
    def whole(self) -> bool:
        """Whether the accelerator runs all of it."""
        return not self.cpu_ops


def fit_npu(chosen: Chosen, npu: str, *, optimize: str = "size") -> NpuFit:
    """Ask Vela about a model on an accelerator.

    Args:
        chosen: an int8 model.
        npu: one of `NPUS`.
        optimize: of our engine beside it: `size`, `balanced` or `speed`.

    Raises:
        UserError: no such accelerator, no Vela, or no whole .tflite.
        RunError: Vela failed.
    """
    if npu not in NPUS:
        raise UserError(f"no NPU is called {npu!r}: choose {', '.join(NPUS)}")
    graph, vela = read_tflite(chosen.path, name=chosen.name), _find_vela()
    kinds = {graph.tensors[op.outputs[0]].name: op.kind for op in graph.ops}
    beside = fit(examine(chosen, StreamOptions(optimize)), find_board(_BESIDE))
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        shutil.copy(chosen.path, Path(name) / "model.tflite")
        listing = _run(vela, Path(name), npu)
        (summary,) = Path(name).glob("out/model_summary_*.csv")
        with summary.open(newline="") as file:
            row = next(csv.DictReader(file))
    found = [match for line in listing.splitlines() if (match := _OPERATION.match(line))]
    cpu = tuple(CpuOp(kinds.get(op["output"], op["kind"]), op["output"]) for op in found if op["place"] == "CPU")
    return NpuFit(
        model=chosen.name,
        npu=npu,
        sram_bytes=_bytes(row, "sram"),
        flash_bytes=_bytes(row, "on_chip_flash") + _bytes(row, "off_chip_flash") + _bytes(row, "dram"),
        estimated_ms=round(1e3 * float(row["inference_time"]), 3),
        npu_ops=len(found) - len(cpu),
        cpu_ops=cpu,
        vela=f"ethos-u-vela {_version(vela)}",
        beside=beside,
    )


def _bytes(row: dict[str, str], memory: str) -> int:
    return round(1024 * float(row[f"{memory}_memory_used"]))


def _find_vela() -> str:
    """The program, beside this Python or on the PATH."""
    beside = str(Path(sys.executable).parent)
    if (vela := shutil.which("vela", path=beside) or shutil.which("vela")) is None:
        raise UserError("vela was not found, which compiles for Ethos-U: install it with `pip install 'edgeblur[npu]'`")
    return vela


def _version(vela: str) -> str:
    return subprocess.run([vela, "--version"], capture_output=True, text=True, check=False).stdout.strip()


def _run(vela: str, folder: Path, npu: str) -> str:
    """Compile `model.tflite` of a folder into `out`; gives what Vela says."""
    command = [vela, "model.tflite", "--accelerator-config", npu, "--output-dir", "out", "--show-cpu-operations"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"vela did not end within {_LIMIT_S} s") from None
    if done.returncode:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise RunError(f"vela could not compile the model for {npu}: {said}")
    return done.stdout


def npu_table(found: NpuFit) -> Table:
    """What runs where, and what it takes."""
    title = Text(f"{found.model} on {found.npu}")
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    where = "all on the NPU" if found.whole else f"{found.npu_ops} on the NPU, {len(found.cpu_ops)} on the CPU"
    table.add_row("operations", Text(where))
    for each in found.cpu_ops:
        table.add_row("  on the CPU", Text(f"{each.op}: {each.output}"))
    table.add_row("SRAM", f"{found.sram_bytes:,} B")
    table.add_row("flash", f"{found.flash_bytes:,} B")
    table.add_row("time", f"{found.estimated_ms:,.2f} ms, estimated by {found.vela}; operations on the CPU not counted")
    table.add_row("beside it, on the M55", Text(_beside(found.beside)))
    return table


def _beside(found: Fit) -> str:
    ram = found.stream.memory("RAM") if found.stream else None
    if ram is None:
        return f"the streaming engine refuses it: {found.candidate.why_not}"
    predicted = f", {found.frame.instructions / 1e6:,.1f} M instructions predicted" if found.frame else ""
    return f"streaming engine, {ram.size_bytes:,} B of RAM{predicted}"
