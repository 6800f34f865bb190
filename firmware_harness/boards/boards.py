"""Boards as data: what boards.toml knows of chips, memory, compilers and emulators, as frozen dataclasses."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.stream.options import FLASH_BYTES, StreamOptions
from edgeblur.files import read_toml
from edgeblur.records import MismatchError, record_of


@dataclass(frozen=True)
class Region:
    """A piece of memory.

    Attributes:
        name: what the chip's manual calls it.
        size_bytes: of it.
        origin: its first address; None where an operating system hides it.
        external: another chip than the processor's, and slower.
    """

    name: str
    size_bytes: int
    origin: int | None = None
    external: bool = False


@dataclass(frozen=True)
class Toolchain:
    """A compiler for bare metal.

    Attributes:
        name: its key in boards.toml.
        compiler: the program.
        packages: Debian packages that bring it and its C library.
        flags: what it always needs.
        linker: the program that links what it compiled.
        link_flags: what that always needs.
    """

    name: str
    compiler: str
    packages: tuple[str, ...]
    flags: tuple[str, ...]
    linker: str
    link_flags: tuple[str, ...]

    @property
    def cxx(self) -> str:
        """The compiler of C++ beside it."""
        return self.compiler.removesuffix("gcc") + "g++"


@dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
        name: its key in boards.toml.
        title: as people know it.
        toolchain: what compiles for it.
        startup: names `firmware/startup_STARTUP.c`; None where an SDK or an operating system brings its own.
        flags: compiler flags that select it.
    """

    name: str
    title: str
    toolchain: Toolchain
    startup: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Emulator:
    """How a board is emulated.

    Attributes:
        program: of the emulator.
        package: Debian's package that brings it.
        arguments: which machine.
        timer: names `firmware/timer_TIMER.c`.
        timer_address: of the counter; None if it needs none.
        instructions_per_tick: how many instructions the counter's tick is; None where it counts cycles.
        uart: names `firmware/uart_UART.c`; None if serial firmware does not run there.
        uart_address: of the UART that is the emulator's first serial port.
        npm: the npm package that the emulator is, with its version; None for a program.
        calibration_cycles: what the loop of known length takes, where the counter counts cycles.
        boot: names `firmware/boot_BOOT.c`, which a boot ROM wants at the beginning of flash.
        second_core: names `firmware/cores_SECOND_CORE.c`, which starts it; None where only one is emulated.
    """

    program: str
    package: str
    arguments: tuple[str, ...]
    timer: str
    timer_address: int | None
    instructions_per_tick: float | None
    uart: str | None
    uart_address: int | None
    npm: str | None = None
    calibration_cycles: int | None = None
    boot: str | None = None
    second_core: str | None = None

    @property
    def counts(self) -> str:
        """What its counter counts: `instructions` or `cycles`."""
        return "instructions" if self.instructions_per_tick is not None else "cycles"

    @property
    def timer_hz(self) -> int | None:
        """The counter's frequency; None for one without an address, which counts the core's cycles."""
        if self.timer_address is None or self.instructions_per_tick is None:
            return None
        return round(1e9 / self.instructions_per_tick)


@dataclass(frozen=True)
class Source:
    """Where a group of facts comes from."""

    fact: str
    place: str


@dataclass(frozen=True)
class Sections:
    """Sections of an SDK's linker script, where they are not what a compiler takes.

    Attributes:
        constants: stay in flash.
        state: lies in the first region of `ram`; nobody clears it before the program begins.
    """

    constants: str
    state: str


@dataclass(frozen=True)
class Stm32:
    """What firmware for an STM32 must know beside its memory.

    Attributes:
        series: names the folder of ST's pack and, in small letters, its header.
        reset_clock_hz: of core and UART, as long as nobody changes it.
        uart: CMSIS's name of the UART that reaches the board's USB.
        uart_pins: CMSIS's name of the port with its pins.
        uart_tx, uart_rx: the pins.
        uart_function: their alternate function.
        uart_enable: C statements that switch on clocks and supplies.
    """

    series: str
    reset_clock_hz: int
    uart: str
    uart_pins: str
    uart_tx: int
    uart_rx: int
    uart_function: int
    uart_enable: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """A board; None stands for what is unknown or does not exist there.

    Attributes:
        name: its key in boards.toml, and what `--board` takes.
        title: as people know it.
        core: the processor that runs the firmware.
        clock_hz: of that core.
        flash: where code and constants go; None if they are loaded into RAM.
        ram: writable memory, the region that firmware uses first.
        vectors: where the vector table must lie, if not at the flash's beginning.
        stack_bytes: reserved by our firmware.
        cores: how many of that core can work together on a picture.
        emulator: how to emulate it, if it exists for emulation's sake.
        twin: how to emulate it, if it is real: `run --board NAME --emulated`.
        sdk: the ecosystem whose projects build for it.
        flash_tool: what writes firmware to it.
        clocks: what kinds of projects run the core at, where that is not `clock_hz`.
        names: what ecosystems call it, one after the other with their own names.
        stm32: further facts about an STM32.
        sections: where a project puts weights and state, if not where the compiler does.
        remark: what else a user should know.
        sources: of the facts.
    """

    name: str
    title: str
    core: Core
    clock_hz: int | None
    flash: Region | None
    ram: tuple[Region, ...]
    vectors: Region | None
    stack_bytes: int
    cores: int
    emulator: Emulator | None
    twin: Emulator | None
    sdk: str | None
    flash_tool: str | None
    clocks: tuple[tuple[str, int], ...]
    names: tuple[tuple[str, str], ...]
    stm32: Stm32 | None
    sections: Sections | None
    remark: str | None
    sources: tuple[Source, ...]

    def name_in(self, ecosystem: str) -> str | None:
        """What an ecosystem calls this board; None if it does not know it."""
        return dict(self.names).get(ecosystem)

    def clock_in(self, kind: str) -> int | None:
        """What a kind of project runs the core at by default, in hertz; None where that is unknown."""
        if kind == "stm32" and self.stm32 is not None:
            return self.stm32.reset_clock_hz
        return dict(self.clocks).get(kind, self.clock_hz)

    def with_stack(self, extra_bytes: int) -> Board:
        """The same with so many bytes of stack more."""
        return replace(self, stack_bytes=self.stack_bytes + extra_bytes) if extra_bytes else self


@dataclass(frozen=True)
class _Tools:
    """A toolchain as boards.toml has it."""

    compiler: str
    packages: tuple[str, ...]
    flags: tuple[str, ...]
    linker: str | None = None
    link_flags: tuple[str, ...] | None = None

    def named(self, name: str) -> Toolchain:
        """A compiler that links as well names no linker."""
        link_flags = self.flags if self.link_flags is None else self.link_flags
        return Toolchain(name, self.compiler, self.packages, self.flags, self.linker or self.compiler, link_flags)


@dataclass(frozen=True)
class _StoredCore:
    """A core as boards.toml has it."""

    title: str
    toolchain: str
    flags: tuple[str, ...]
    startup: str | None = None


@dataclass(frozen=True)
class _StoredBoard:
    """A board as boards.toml has it; see `Board`."""

    title: str
    core: str
    ram: tuple[Region, ...]
    sources: Mapping[str, str]
    clock_hz: int | None = None
    flash: Region | None = None
    vectors: Region | None = None
    stack_bytes: int | None = None
    cores: int = 1
    emulator: Emulator | None = None
    twin: Emulator | None = None
    sdk: str | None = None
    flash_tool: str | None = None
    clocks: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    stm32: Stm32 | None = None
    sections: Sections | None = None
    remark: str | None = None


@dataclass(frozen=True)
class _Stored:
    """boards.toml."""

    stack_bytes: int
    toolchains: Mapping[str, _Tools]
    cores: Mapping[str, _StoredCore]
    boards: Mapping[str, _StoredBoard]

    def core(self, name: str) -> Core:
        core = self.cores[name]
        toolchain = self.toolchains[core.toolchain].named(core.toolchain)
        return Core(name, core.title, toolchain, core.startup, core.flags)

    def board(self, name: str, cores: Mapping[str, Core]) -> Board:
        board = self.boards[name]
        return Board(
            name=name,
            title=board.title,
            core=cores[board.core],
            clock_hz=board.clock_hz,
            flash=board.flash,
            ram=board.ram,
            vectors=board.vectors,
            stack_bytes=self.stack_bytes if board.stack_bytes is None else board.stack_bytes,
            cores=board.cores,
            emulator=board.emulator,
            twin=board.twin,
            sdk=board.sdk,
            flash_tool=board.flash_tool,
            clocks=tuple(board.clocks.items()),
            names=tuple(board.names.items()),
            stm32=board.stm32,
            sections=board.sections,
            remark=board.remark,
            sources=tuple(Source(fact, place) for fact, place in board.sources.items()),
        )


@functools.cache
def _stored() -> _Stored:
    text = (resources.files("edgeblur.firmware_harness.boards") / "boards.toml").read_text()
    return record_of(_Stored, tomllib.loads(text))


@functools.cache
def boards() -> tuple[Board, ...]:
    """All boards, in the order of boards.toml."""
    stored = _stored()
    cores = {name: stored.core(name) for name in stored.cores}
    return tuple(stored.board(name, cores) for name in stored.boards)


def find_board(name: str, file: Path | None = None) -> Board:
    """A board by its name.

    Args:
        name: a key of boards.toml, or of `file`.
        file: a user's boards, as `read_boards` takes them; they come before ours of the same name.

    Raises:
        UserError: there is none of that name; the sentence names near ones. Or the file is not as it should be.
    """
    by_name = {board.name: board for board in (*boards(), *(read_boards(file) if file else ()))}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, 3, 0.7)
    if near:  # an unlike chip would not help
        raise UserError(f"no board is called {name!r}: take {' or '.join(near)}")
    raise UserError(
        f"no board is called {name!r}: see `edgeblur boards`; `edgeblur fit` takes one of your own by core and "
        "sizes of RAM and flash",
        options=("core", "ram_size", "flash_size"),
    )


@dataclass(frozen=True)
class _OwnFile:
    """Boards of a user's in the form of boards.toml."""

    boards: Mapping[str, _StoredBoard]


def read_boards(path: Path) -> tuple[Board, ...]:
    """Boards of a user's: `[boards.NAME]` as in boards.toml, with its cores and toolchains.

    Raises:
        UserError: no such file, no TOML, a fact that is missing, unknown or of another kind, or an unknown core.
    """
    try:
        own = record_of(_OwnFile, read_toml(path, "give a TOML file of boards"))
    except MismatchError as error:
        raise UserError(f"{path} does not describe boards as boards.toml does: {error}") from error
    stored = replace(_stored(), boards=own.boards)
    cores = {name: stored.core(name) for name in stored.cores}
    for name, board in own.boards.items():
        if board.core not in cores:
            raise UserError(f"{path}: {name} has no known core {board.core!r}: take {', '.join(cores)}")
        if not board.ram or min(region.size_bytes for region in board.ram) <= 0:
            raise UserError(f"{path}: {name} needs a ram of one region or more, each with a size_bytes above 0")
    if not own.boards:
        raise UserError(f"{path} describes no board: it needs a table [boards.NAME]")
    return tuple(stored.board(name, cores) for name in own.boards)


def own_board(core: str, ram_bytes: int, flash_bytes: int) -> Board:
    """A board that boards.toml lacks, described by its core and its memory, to ask what would fit it.

    Args:
        core: a key of boards.toml's cores; of `cortex-m4` that is all of its name up to the next letter.
        ram_bytes: in one piece.
        flash_bytes: of it, for code and constants.

    Raises:
        UserError: no such core.
    """
    stored = _stored()
    found = [name for name in stored.cores if core.lower() in (name, re.sub(r"(?<=\d)[a-z]$", "", name))]
    if not found:
        raise UserError(f"no core is called {core!r}: take {', '.join(stored.cores)}")
    return Board(
        name="yours", title=f"a board of your own, {core}", core=stored.core(found[0]), clock_hz=None,
        flash=Region("flash", flash_bytes), ram=(Region("RAM", ram_bytes),), vectors=None,
        stack_bytes=stored.stack_bytes, cores=1, emulator=None, twin=None, sdk=None, flash_tool=None, clocks=(),
        names=(), stm32=None, sections=None, remark=None, sources=(),
    )  # fmt: skip


COMPILERS = ("gcc", "clang")
"""What builds firmware for emulated boards."""


def built_by(board: Board, compiler: str) -> Board:
    """The board with one of `COMPILERS` in place of its usual one, GNU's.

    Raises:
        UserError: boards.toml has no such compiler for its core.
    """
    if compiler == "gcc":
        return board
    name = f"{board.core.toolchain.name}-{compiler}"
    if name not in _stored().toolchains:
        raise UserError(
            f"the compiler {compiler} is for Arm's Cortex-M, and {board.name} has a {board.core.title}: leave it out",
            options=("compiler",),
        )
    return replace(board, core=replace(board.core, toolchain=_stored().toolchains[name].named(name)))


def check_cores(board: Board, cores: int) -> None:
    """Refuse more cores than a board has.

    Raises:
        UserError: it has one.
    """
    if cores > board.cores:
        raise UserError(f"{board.name} has one {board.core.title} for a picture: leave it out", options=("cores",))


_RESERVED_BYTES = 16 * 1024
"""Of flash, for start-up code, C library and what the choice of kernels estimates too low."""


def options_for(board: Board, options: StreamOptions) -> StreamOptions:
    """The same for a board: with its core, and with what code, weights and tables may take of its flash.

    Args:
        board: if it has no flash, they lie in its RAM: direct kernels take least.
        options: a budget of flash that they name stays; else it is all that the board has, up to what is usual.

    Raises:
        UserError: the board has fewer cores than they name.
    """
    check_cores(board, options.cores)
    flash_bytes = options.flash_bytes
    if flash_bytes is None:
        flash_bytes = min(FLASH_BYTES, board.flash.size_bytes - _RESERVED_BYTES) if board.flash else 0
    return replace(options, core=board.core.name, flash_bytes=flash_bytes)
