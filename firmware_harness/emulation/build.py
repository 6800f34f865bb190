"""Firmware for a board: our start-up code and linker script around a model's engine, built by a cross compiler."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.code_size import OPTIMIZE_FLAGS
from edgeblur.export.veil.emit import FINDER, FrameFiles
from edgeblur.files import write_text
from edgeblur.firmware_harness.boards.boards import Board, Toolchain
from edgeblur.firmware_harness.emulation.elf import seal_boot
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.shell.cores import HOOKS, cores_hooks
from edgeblur.firmware_harness.shell.model import (
    NAME,
    FirmwareModel,
    copy_firmware,
    firmware_files,
    stream_model,
    write_engine,
)
from edgeblur.firmware_harness.shell.room import no_room
from edgeblur.firmware_harness.shell.tflm import Library

_COMMON = ("stack.c", "calibration.c", "main_files.c", "port_semihosting.c")
_TRACED = (f"{NAME}.c", f"{NAME}{FINDER}.c", "main_files.c")  # the others are the same
_HEADERS = ("infer.h", "port.h", "stack.h", "timer.h")
COMPILE_FLAGS = (*FLAGS, "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables")
"""Flags of compilers for bare metal, beside those of the core."""

_DOUBTFUL = "-Wno-error=array-bounds"
"""Once it has unrolled a loop, GCC 12 sees writes behind arrays on paths that no layer's constants lead to."""

LINK_FLAGS = ("-nostartfiles", "-Wl,--gc-sections", "-Wl,--fatal-warnings")
"""Flags of linkers for bare metal."""

_NO_DEFINES: tuple[str, ...] = ()
_CORES = "-DCORES"
"""Tells main_files.c of a second core."""

_CXX_FLAGS = ("-std=c++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
CXX_PACKAGE = "libstdc++-arm-none-eabi-newlib"
"""Debian's C++ library for bare metal, which its compiler comes without."""

_LIBRARY_LINK_FLAGS = ("--specs=nano.specs", "--specs=nosys.specs", "-Wl,--no-fatal-warnings")


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
        library: what C++ sources need.
        defines: compiler flags for all sources.
    """

    folder: Path
    board: Board
    sources: tuple[str, ...]
    nodes: int
    optimize: str
    traced: tuple[str, ...] = ()
    library: Library | None = None
    defines: tuple[str, ...] = ()


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


def linker_script(board: Board, *, library: bool = False, boot: bool = False) -> str:
    """Where the sections go in a board's memory.

    Args:
        board: with a flash and a core that has start-up code of ours.
        boot: a second stage for the boot ROM lies before everything else.
        library: for C++ code that drags in more of the C library than memory and string functions.
    """
    import jinja2

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((firmware_files() / "link.ld.j2").read_text())
    is_arm = board.core.startup == "cortex_m"  # whose vector table begins with the stack pointer
    return template.render(
        title=board.title, vectors=board.vectors, flash=board.flash, ram=board.ram[0], stack_bytes=board.stack_bytes,
        stack_pointer_first=is_arm, entry="reset_handler" if is_arm else "start", library=library, boot=boot,
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
    nodes = len(compiled.net.nodes)
    traced: tuple[str, ...] = (f"-D{NAME.upper()}_TRACE={nodes}",)
    if frames is None:
        project = write_engine_project(folder, stream_model(compiled, optimize), board)
        return replace(project, nodes=nodes, traced=traced)
    own, defines, finder = _write_shell(folder, board, "infer_frames.c"), _NO_DEFINES, f"{NAME}{FINDER}"
    if compiled.net.cores > 1:
        own, defines = own + _write_second_core(folder, board, finder), (_CORES,)
    frames.write(folder, NAME)
    traced += (f"-D{finder.upper()}_TRACE", f"-D{finder}_trace={NAME}_trace")
    return Project(folder, board, (*own, f"{NAME}.c", f"{finder}.c"), nodes, optimize, traced, defines=defines)


def _write_second_core(folder: Path, board: Board, name: str) -> tuple[str, ...]:
    """What starts an emulated second core, for generated C with a prefix. Returns the sources.

    Raises:
        UserError: there is none.
    """
    emulator = board.emulator or board.twin
    assert emulator is not None
    if emulator.second_core is None:
        raise UserError(f"{board.name} is emulated with one core: leave it out", options=("cores",))
    sources = ("cores_mailbox.c", f"cores_{emulator.second_core}.c")
    copy_firmware(folder, ("cores.h", *sources))
    write_text(folder / HOOKS, cores_hooks([name], board.stack_bytes))
    return (*sources, HOOKS)


def write_engine_project(folder: Path, model: FirmwareModel, board: Board, library: Library | None = None) -> Project:
    """The same of any engine, which cannot be traced then.

    Args:
        folder: exists.
        model: behind engine.h.
        board: an emulated one.
        library: what C++ sources need.
    """
    own, defines = _write_shell(folder, board, "infer.c", library=library is not None), _NO_DEFINES
    if model.engine.compiled is not None and model.engine.compiled.net.cores > 1:
        own, defines = own + _write_second_core(folder, board, NAME), (_CORES,)
    write_engine(folder, model, board.name)
    sources = (*own, *model.engine.sources)
    return Project(folder, board, sources, 0, model.optimize, library=library, defines=defines)


def _write_shell(folder: Path, board: Board, loop: str, *, library: bool = False) -> tuple[str, ...]:
    """What is around a model: the loop, files of the host, start-up code, timer, linker script. Returns the sources."""
    emulator = board.emulator or board.twin
    assert emulator is not None
    own: tuple[str, ...] = (*_COMMON, loop, f"startup_{board.core.startup}.c", f"timer_{emulator.timer}.c")
    own += (f"boot_{emulator.boot}.c",) if emulator.boot else ()
    copy_firmware(folder, (*own, *_HEADERS))
    write_text(folder / "link.ld", linker_script(board, library=library, boot=emulator.boot is not None))
    return own


def build(project: Project, *, traced: bool = False, into: str = "plain", defines: Sequence[str] = ()) -> Path:
    """Compile and link a project.

    Args:
        project: from `write_project`.
        traced: count the ticks of each layer, which itself costs some instructions; needs the plain build first.
        into: the folder in it that is made for what is built.
        defines: further compiler flags.

    Returns:
        The linked file.

    Raises:
        UserError: no compiler, no C library beside it, or the model does not fit the board.
        RunError: the C does not compile cleanly.
    """
    toolchain, emulator = project.board.core.toolchain, project.board.emulator or project.board.twin
    assert emulator is not None
    compiler, linker = (find_tool(tool, toolchain.packages) for tool in (toolchain.compiler, toolchain.linker))
    objects = project.folder / ("traced" if traced else into)
    objects.mkdir()
    target = (*project.board.core.flags, OPTIMIZE_FLAGS[project.optimize])
    timer = [f"-DTIMER_ADDRESS={emulator.timer_address}u"] if emulator.timer_address is not None else []
    traceable = [source for source in project.sources if source in _TRACED or not traced]
    sources = [f"../{source}" for source in traceable if source.endswith(".c")]
    flags = (
        *toolchain.flags,
        *target,
        *COMPILE_FLAGS,
        _DOUBTFUL,
        *timer,
        *project.defines,
        *defines,
        *(project.traced if traced else ()),
    )
    _run([compiler, *flags, "-c", *sources], objects, project)
    places = ["." if source in traceable else "../plain" for source in project.sources]
    files = [f"{place}/{Path(source).stem}.o" for place, source in zip(places, project.sources, strict=True)]
    link = [*toolchain.link_flags, *target, *LINK_FLAGS, "-T", "../link.ld"]
    if (library := project.library) is not None:
        linker = find_tool(toolchain.cxx, toolchain.packages)
        own = [f"../{source}" for source in project.sources if source.endswith(".cc")]
        flags = (*toolchain.flags, *target, *_CXX_FLAGS, *library.flags, *defines)
        _run([linker, *flags, "-c", *own], objects, project)
        files, link = [*files, str(library.archive)], [*link, *_LIBRARY_LINK_FLAGS]
    _run([linker, *link, *files, "-o", "firmware.elf"], objects, project)
    if emulator.boot is not None:
        seal_boot(objects / "firmware.elf")
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
_NO_CXX_LIBRARY = re.compile(r"error: \w+: No such file|cannot find -lstdc\+\+")


def _refuse(project: Project, complaints: str) -> NoReturn:
    """Say in one sentence why a compiler or linker gave up."""
    board, toolchain = project.board, project.board.core.toolchain
    if overflow := _OVERFLOW.search(complaints):
        memory = "RAM" if overflow["region"] == "RAM" else "flash"
        raise no_room("the firmware", board, memory, "it was linked", int(overflow["missing"]))
    if _NO_CXX_LIBRARY.search(complaints):
        raise UserError(
            f"{toolchain.cxx} has no C++ library beside it: install it with `sudo apt-get install {CXX_PACKAGE}`"
        )
    if _NO_LIBRARY.search(complaints):
        packages = " ".join(toolchain.packages)
        raise UserError(
            f"{toolchain.compiler} has no C library beside it: install both with `sudo apt-get install {packages}`"
        )
    first = next((line for line in complaints.splitlines() if "error:" in line or "/ld: " in line), complaints.strip())
    raise RunError(f"the firmware for {board.name} did not build with {toolchain.compiler}: {first}")
