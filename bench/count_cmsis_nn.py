"""Instructions of CMSIS-NN's depthwise convolution, for docs/kernels.md. count_cmsis_nn.py [CHECKOUT]

Without a checkout of CMSIS-NN, git fetches the commit below into a temporary folder. One call by a bare program in the
emulators that our kernels are counted in (seconds).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from edgeblur.files import write_text
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.emulation.build import LINK_FLAGS, compiler_version, linker_script
from edgeblur.firmware_harness.emulation.emulator import COUNTING, emulator_of
from edgeblur.firmware_harness.shell.model import copy_firmware
from edgeblur.progress import say

REPOSITORY, COMMIT = "https://github.com/ARM-software/CMSIS-NN", "99f736a63036613032f9b70de36b493bcd7802d4"
BOARDS = ("mps2-an386", "mps3-an547")
MACS = 32 * 32 * 8 * 9
MAIN = Path(__file__).with_name("cmsis_nn_depthwise.c")
OWN = ("startup_cortex_m.c", "port_semihosting.c", "timer_mps2.c")
FOLDERS = ("ConvolutionFunctions", "NNSupportFunctions", "TransposeFunctions")
FLOATS = ("_f16.c", "_f32.c", "_flt.c")


def fetched(folder: Path) -> Path:
    """CMSIS-NN as it was counted."""
    for command in (["init", "--quiet"], ["fetch", "--quiet", "--depth", "1", REPOSITORY, COMMIT],
                    ["checkout", "--quiet", "FETCH_HEAD"]):  # fmt: skip
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def built(board: Board, library: Path, folder: Path) -> Path:
    """The program for a board; what it does not call is not in it."""
    tools = board.core.toolchain
    copy_firmware(folder, (*OWN, "port.h", "stack.h", "timer.h"))
    write_text(folder / "link.ld", linker_script(board))
    found = (path for name in FOLDERS for path in sorted((library / "Source" / name).glob("*.c")))
    sources = [path for path in found if not path.name.endswith(FLOATS)]
    places = [f"-I{library / 'Include'}", f"-I{folder}", f"-DTIMER_ADDRESS={emulator_of(board).timer_address}u"]
    flags = ["-O2", "-std=gnu99", "-w", "-ffunction-sections", "-fdata-sections", *places]
    given = [*board.core.flags, *tools.flags, *flags, *tools.link_flags, *LINK_FLAGS, "-T", "link.ld"]
    command = [tools.compiler, *given, str(MAIN), *OWN, *map(str, sources), "-o", "firmware.elf"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "firmware.elf"


def reported(board: Board, elf: Path) -> dict[str, int]:
    """What the program says: its buffer in bytes, and the ticks of the call."""
    emulator = emulator_of(board)
    semihosting = ("-semihosting-config", "enable=on,target=native")
    command = [emulator.program, *emulator.arguments, *COUNTING, *semihosting, "-kernel", elf.name]
    subprocess.run(command, cwd=elf.parent, check=False, timeout=60)
    lines = (elf.parent / "report.txt").read_text().splitlines()
    return {name: int(value, 16) for name, value in map(str.split, lines)}


def main(checkout: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "library").mkdir()
        library = checkout.resolve() if checkout else fetched(scratch / "library")
        for board in map(find_board, BOARDS):
            folder = scratch / board.name
            folder.mkdir()
            said = reported(board, built(board, library, folder))
            instructions = said["ticks"] * emulator_of(board).instructions_per_tick
            say(
                f"{board.core.name}: {instructions:,} instructions, {instructions / MACS:.2f} a multiply-accumulate, "
                f"a buffer of {said['buffer']:,} B, {compiler_version(board.core.toolchain)}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, nargs="?", help="of CMSIS-NN; fetched if it is left out")
    main(parser.parse_args().checkout)
