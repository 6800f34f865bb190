"""Firmware for a board: our start-up code and linker script around a model's streaming C, built by a cross compiler."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NoReturn

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.code_size import OPTIMIZE_FLAGS
from edgeblur.export.stream.planning.layout import extra_stack_bytes, output_row_bytes
from edgeblur.export.veil.compile import CompiledFrames
from edgeblur.export.veil.emit import FINDER, FrameFiles
from edgeblur.files import write_text
from edgeblur.firmware_harness.boards.boards import Board, Toolchain
from edgeblur.firmware_harness.emulation.reserved import BEGUN_BYTES, PORT_RAM_BYTES
from edgeblur.firmware_harness.engines.host_c import FLAGS

NAME = "model"
"""Prefix of the model's C: firmware/infer.c calls it by this name."""

_COMMON = ("stack.c", "calibration.c", "main_files.c", "port_semihosting.c")
_TRACED = (f"{NAME}.c", f"{NAME}{FINDER}.c", "main_files.c")  # the others are the same
_HEADERS = ("infer.h", "port.h", "stack.h", "timer.h")
COMPILE_FLAGS = (*FLAGS, "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables")
"""Flags of compilers for bare metal, beside those of the core."""

_DOUBTFUL = "-Wno-error=array-bounds"
"""Once it has unrolled a loop, GCC 12 sees writes behind arrays on paths that no layer's constants lead to."""

LINK_FLAGS = ("-nostartfiles", "-Wl,--gc-sections", "-Wl,--fatal-warnings")
"""Flags of linkers for bare metal."""


@dataclass(frozen=True)
class Project:
    """Firmware as sources in a folder, ready to be built.

    Attributes:
        folder: where they lie.
        board: what they are for.
        sources: the C files' names; the model's is `model.c`.
        nodes: how many the model's net has.
        optimize: `size` or `speed`.
        traced: compiler flags with which `model_trace` is called around each step of the net.
    """

    folder: Path
    board: Board
    sources: tuple[str, ...]
    nodes: int
    optimize: str
    traced: tuple[str, ...] = ()


def find_tool(program: str, packages: Sequence[str]) -> str:
    """The path of a program.

    Raises:
        UserError: it is not installed; the sentence names Debian's packages.
    """
    if (path := shutil.which(program)) is None:
        raise UserError(f"{program} was not found: install it with `sudo apt-get install {' '.join(packages)}`")
    return path


def compiler_version(toolchain: Toolchain) -> str:
    """The first line of what a compiler says about itself.

    Raises:
        UserError: it is not installed.
    """
    command = [find_tool(toolchain.compiler, toolchain.packages), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]


def with_stack(board: Board, compiled: Compiled) -> Board:
    """The board with the stack that a model takes there: more where windows span hundreds of rows."""
    return board.with_stack(extra_stack_bytes(compiled.net))


def ram_needed(compiled: Compiled, board: Board) -> int:
    """What `.data`, `.bss` and `.stack` of the linked firmware come to, to the byte."""
    files, rows = compiled.files, (compiled.net.nodes[0].plane.row_bytes, output_row_bytes(compiled.net))
    return files.state_bytes + sum(-(-row // 4) * 4 for row in rows) + PORT_RAM_BYTES + board.stack_bytes


def frames_ram_needed(frames: CompiledFrames, board: Board) -> int:
    """The same of firmware that veils frames; a frame that a camera's driver would own is in it."""
    files, plan = frames.files, frames.plan
    rows = plan.height * plan.row_bytes if plan.hold == "buffer" else files.row_bytes
    return -(-files.state_bytes // 4) * 4 + -(-rows // 4) * 4 + PORT_RAM_BYTES + BEGUN_BYTES + board.stack_bytes


def check_room(model: str, compiled: Compiled | CompiledFrames, board: Board) -> None:
    """Refuse, before anything is built, a model that cannot fit a board; the linker is asked about the code.

    Raises:
        UserError: RAM or flash is too small; the sentence says by how many bytes.
    """
    ram = frames_ram_needed(compiled, board) if isinstance(compiled, CompiledFrames) else ram_needed(compiled, board)
    constants = compiled.files.constant_bytes
    if (missing := ram - board.ram[0].size_bytes) > 0:
        raise no_room(model, board, "RAM", f"it needs {ram:,} bytes with its stack", missing)
    if board.flash and (missing := constants - board.flash.size_bytes) > 0:
        raise no_room(model, board, "flash", f"its weights and tables take {constants:,} bytes", missing)


def no_room(model: str, board: Board, memory: str, needs: str, missing: int) -> UserError:
    """The error for a model that a board has no room for.

    Args:
        model: its name.
        board: which is too small.
        memory: `RAM` or `flash`.
        needs: a sentence with the bytes that the model takes of it.
        missing: how many of these there are not.
    """
    has = (board.flash if board.flash and memory == "flash" else board.ram[0]).size_bytes
    advice = "a narrower student, a smaller picture or a RAM budget" if memory == "RAM" else "a narrower student"
    return UserError(
        f"{model} does not fit {board.name}: {needs}, and there are {has:,} of {memory}: "
        f"{missing:,} bytes are missing; try {advice}"
    )


def _firmware() -> Traversable:
    return resources.files("edgeblur.firmware_harness") / "firmware"


def linker_script(board: Board, *, library: bool = False) -> str:
    """Where the sections go in a board's memory.

    Args:
        board: with a flash and a core that has start-up code of ours.
        library: for C++ code that drags in more of the C library than memory and string functions.
    """
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((_firmware() / "link.ld.j2").read_text())
    is_arm = board.core.startup == "cortex_m"  # whose vector table begins with the stack pointer
    return template.render(
        title=board.title, vectors=board.vectors, flash=board.flash, ram=board.ram[0], stack_bytes=board.stack_bytes,
        stack_pointer_first=is_arm, entry="reset_handler" if is_arm else "start", library=library,
    )  # fmt: skip


def write_project(
    folder: Path, compiled: Compiled, board: Board, optimize: str, *, frames: FrameFiles | None = None
) -> Project:
    """Write the sources of a board's firmware into a folder.

    Args:
        folder: exists.
        compiled: the model, with the prefix `NAME`.
        board: an emulated one.
        optimize: what the model was compiled for, and at which level the C compiler optimizes.
        frames: a veil, whose finder `compiled` is then; its prefix is `NAME` as well.
    """
    emulator = board.emulator or board.twin
    assert emulator is not None
    loop = "infer_frames.c" if frames else "infer_outputs.c" if len(compiled.net.outputs) > 1 else "infer.c"
    own = (*_COMMON, loop, f"startup_{board.core.startup}.c", f"timer_{emulator.timer}.c")
    for file in (*own, *_HEADERS):
        write_text(folder / file, (_firmware() / file).read_text())
    write_text(folder / "link.ld", linker_script(board))
    nodes = len(compiled.net.nodes)
    traced: tuple[str, ...] = (f"-D{NAME.upper()}_TRACE={nodes}",)
    if frames is None:
        compiled.files.write(folder, NAME)
        return Project(folder, board, (*own, f"{NAME}.c"), nodes, optimize, traced)
    frames.write(folder, NAME)
    finder = f"{NAME}{FINDER}"
    traced += (f"-D{finder.upper()}_TRACE", f"-D{finder}_trace={NAME}_trace")
    return Project(folder, board, (*own, f"{NAME}.c", f"{finder}.c"), nodes, optimize, traced)


def build(project: Project, *, traced: bool = False) -> Path:
    """Compile and link a project.

    Args:
        project: from `write_project`.
        traced: count the ticks of each layer, which itself costs some instructions; needs the plain build first.

    Returns:
        The linked file.

    Raises:
        UserError: no compiler, no C library beside it, or the model does not fit the board.
        RunError: the C does not compile cleanly.
    """
    toolchain, emulator = project.board.core.toolchain, project.board.emulator or project.board.twin
    assert emulator is not None
    compiler, linker = (find_tool(tool, toolchain.packages) for tool in (toolchain.compiler, toolchain.linker))
    objects = project.folder / ("traced" if traced else "plain")
    objects.mkdir()
    target = (*project.board.core.flags, OPTIMIZE_FLAGS[project.optimize])
    defines = [f"-DTIMER_ADDRESS={emulator.timer_address}u"] if emulator.timer_address is not None else []
    defines += project.traced if traced else []
    traceable = [source for source in project.sources if source in _TRACED or not traced]
    sources = [f"../{source}" for source in traceable]
    flags = (*toolchain.flags, *target, *COMPILE_FLAGS, _DOUBTFUL)
    _run([compiler, *flags, *defines, "-c", *sources], objects, project)
    places = ["." if source in traceable else "../plain" for source in project.sources]
    files = [f"{place}/{Path(source).stem}.o" for place, source in zip(places, project.sources, strict=True)]
    link = [linker, *toolchain.link_flags, *target, *LINK_FLAGS, "-T", "../link.ld"]
    _run([*link, *files, "-o", "firmware.elf"], objects, project)
    return objects / "firmware.elf"


def _run(command: Sequence[str], place: Path, project: Project) -> None:
    """Run a compiler in a folder; its command is noted beside the sources."""
    with (project.folder / "commands.txt").open("a") as file:
        file.write(f"(cd {place.name} && {shlex.join([Path(command[0]).name, *command[1:]])})\n")
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        _refuse(project, done.stderr)


_OVERFLOW = re.compile(r"region [`'](?P<region>\w+)' overflowed by (?P<missing>\d+) bytes")
_NO_LIBRARY = re.compile(
    r"(string|stdint|stddef)\.h(: No such file|' file not found)|cannot find -l|read spec file|crt0\.o"
)


def _refuse(project: Project, complaints: str) -> NoReturn:
    """Say in one sentence why a compiler or linker gave up."""
    board, toolchain = project.board, project.board.core.toolchain
    if overflow := _OVERFLOW.search(complaints):
        memory = "RAM" if overflow["region"] == "RAM" else "flash"
        raise no_room("the firmware", board, memory, "it was linked", int(overflow["missing"]))
    if _NO_LIBRARY.search(complaints):
        packages = " ".join(toolchain.packages)
        raise UserError(
            f"{toolchain.compiler} has no C library beside it: install both with `sudo apt-get install {packages}`"
        )
    first = next((line for line in complaints.splitlines() if "error:" in line or "/ld: " in line), complaints.strip())
    raise RunError(f"the firmware for {board.name} did not build with {toolchain.compiler}: {first}")
