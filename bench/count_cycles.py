"""Cycles of a small U-Net by the tables of Arm's manuals, instruction by instruction; `make probes` runs it.

QEMU tells which instructions of the model's code it executes, one by one; each counts what the core's Technical
Reference Manual says, without wait states. Writes bench/cycles.csv: of the innermost loop of convolutions and of all
other code, executed instructions and their cycles. An estimate of what a chip takes, not a measurement.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from elftools.elf.elffile import ELFFile
from int8_nets import Int8Net, unet

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.emulation.build import build, compiler_version, write_project
from edgeblur.firmware_harness.emulation.emulator import emulator_of
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.progress import say

PATH = Path(__file__).with_name("cycles.csv")
WIDTH, LEVELS, SIZE = 4, 2, (16, 16)
INNER = "model_multiply_2x2"
"""The innermost loop of convolutions, kernels/conv_2d_*.h."""

REFILL = 2
"""Cycles of a pipeline refill: 1 to 3, says the manual of the Cortex-M4, depending on the target."""


@dataclass(frozen=True)
class Instruction:
    """As objdump shows it: `ldrd`, `r8, r9, [r2], #8`."""

    name: str
    operands: str
    size_bytes: int

    @property
    def registers(self) -> int:
        """How many a list in braces names."""
        listed = re.search(r"\{(.*)\}", self.operands)
        names = listed[1].split(", ") if listed else []
        return sum(_number(name.split("-")[-1]) - _number(name.split("-")[0]) + 1 for name in names)

    @property
    def loads_pc(self) -> bool:
        return "pc}" in self.operands


def _number(register: str) -> int:
    names = {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
    return names[register] if register in names else int(register[1:])


_MULTIPLE = ("ldm", "stm", "push", "pop")


def cortex_m4(now: Instruction, before: Instruction | None, *, jumped: bool) -> float:
    """Arm 100166 (Cortex-M4 Technical Reference Manual), tables 3-1 and 3.3.2: without wait states.

    A single load after a single load, or a store after a load, takes one cycle less; stores wait in the write buffer.
    """
    refill = REFILL if jumped else 0
    if now.name.startswith(_MULTIPLE):
        return 1 + now.registers + refill
    if now.name.startswith(("ldrd", "strd")):
        return 3
    if now.name.startswith("ldr"):
        after = before is not None and before.name.startswith("ldr") and not before.name.startswith("ldrd")
        return (1 if after else 2) + refill
    if now.name.startswith(("sdiv", "udiv")):
        return 7  # 2 to 12
    return 1 + refill


def cortex_m3(now: Instruction, before: Instruction | None, *, jumped: bool) -> float:
    """Arm DDI 0337 (Cortex-M3 Technical Reference Manual), table 3-1: as the M4 but for multiplications."""
    if now.name.startswith(("mla", "mls")):
        return 2
    if now.name.startswith(("smull", "umull")):
        return 4  # 3 to 5
    if now.name.startswith(("smlal", "umlal")):
        return 5.5  # 4 to 7
    return cortex_m4(now, before, jumped=jumped)


def cortex_m0plus(now: Instruction, before: Instruction | None, *, jumped: bool) -> float:
    """Arm DDI 0484 (Cortex-M0+ Technical Reference Manual), table 3-1, with the multiplier of one cycle."""
    if now.name.startswith(_MULTIPLE):
        return (3 if now.loads_pc else 1) + now.registers
    if now.name.startswith(("ldr", "str")):
        return 2
    if now.name in ("bl", "blx"):
        return 3 if now.name == "bl" else 2
    return 2 if jumped else 1


Rule = Callable[..., float]

RULES: dict[str, Rule] = {
    "mps2-an385-m0plus": cortex_m0plus,
    "mps2-an385": cortex_m3,
    "mps2-an386": cortex_m4,
}
"""By board. Arm publishes no such tables of the M7, the M33 and the M55."""


@dataclass(frozen=True)
class Cycles:
    """A line of cycles.csv; `part` is `inner` or `other`."""

    core: str
    optimize: str
    part: str
    instructions: int
    cycles: int
    compiler: str


_LINE = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(\S+)(?:\t([^;@]*))?")


def disassembled(elf: Path, objdump: str) -> dict[int, Instruction]:
    """The instructions of an ELF file by address."""
    told = subprocess.run([objdump, "-d", str(elf)], capture_output=True, text=True, check=True).stdout
    found = (match for line in told.splitlines() if (match := _LINE.match(line)))
    return {
        int(match[1], 16): Instruction(
            re.sub(r"\.[nw]$", "", match[3]), (match[4] or "").strip(), len(match[2].replace(" ", "")) // 2
        )
        for match in found
    }


def code_range(elf: Path) -> range:
    """Where the model's code lies."""
    with elf.open("rb") as file:
        section = ELFFile(file).get_section_by_name(".model_code")
        return range(section["sh_addr"], section["sh_addr"] + section["sh_size"])


def inner_ranges(elf: Path) -> list[range]:
    """Where the innermost loops lie."""
    with elf.open("rb") as file:
        symbols = [s for s in ELFFile(file).get_section_by_name(".symtab").iter_symbols() if s.name.startswith(INNER)]
    return [range(s["st_value"] & ~1, (s["st_value"] & ~1) + s["st_size"]) for s in symbols]


_TRACE = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")


def executed(board: Board, elf: Path, place: range) -> Iterator[int]:
    """Addresses of the instructions that firmware executes there, in order."""
    emulator = emulator_of(board)
    log = elf.parent / "trace.txt"
    command = [
        emulator.program, *emulator.arguments, "-singlestep", "-d", "exec,nochain", "-D", str(log),
        "-dfilter", f"{place.start:#x}..{place.stop - 1:#x}", "-display", "none", "-monitor", "none", "-serial", "none",
        "-semihosting-config", "enable=on,target=native", "-kernel", elf.name,
    ]  # fmt: skip
    subprocess.run(command, cwd=elf.parent, check=False, timeout=300)
    with log.open() as lines:
        for line in lines:
            if match := _TRACE.match(line):
                yield int(match[1], 16)


def count(board: Board, optimize: str, rule: Rule) -> list[Cycles]:
    """Inner and other cycles of a frame."""
    net = Int8Net(seed=WIDTH)
    graph = net.graph(unet(net, WIDTH, LEVELS, SIZE))
    compiled = compile_stream(graph, Provenance("model", NAME, graph), StreamOptions(optimize))
    totals = {"inner": [0, 0.0], "other": [0, 0.0]}
    with tempfile.TemporaryDirectory() as name:
        elf = build(write_project(Path(name), compiled, board, optimize))
        picture = np.random.default_rng(0).integers(-128, 128, SIZE[0] * SIZE[1] * 3).astype(np.int8)
        write_bytes(elf.parent / "pictures.bin", picture.tobytes())
        code = disassembled(elf, board.core.toolchain.compiler.replace("gcc", "objdump"))
        inner = {address for place in inner_ranges(elf) for address in place}
        before: Instruction | None = None
        address = -1
        for after in executed(board, elf, code_range(elf)):
            if address >= 0:
                now = code[address]
                total = totals["inner" if address in inner else "other"]
                total[0] += 1
                total[1] += rule(now, before, jumped=after != address + now.size_bytes)
                before = now
            address = after
    compiler = compiler_version(board.core.toolchain)
    return [
        Cycles(board.core.name, optimize, part, int(n), round(cycles), compiler) for part, (n, cycles) in totals.items()
    ]


def main() -> None:
    found = []
    for name, rule in RULES.items():
        for optimize in OPTIMIZE:
            found += count(find_board(name), optimize, rule)
            told = ", ".join(f"{line.part} {line.cycles / max(line.instructions, 1):.3f}" for line in found[-2:])
            say(f"{name}, {optimize}: cycles an instruction: {told}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Cycles)])
    writer.writerows(astuple(line) for line in found)
    write_bytes(PATH, text.getvalue().encode())


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
