"""Kinds of firmware projects as data: what kinds.toml knows of ecosystems, and which kinds a board takes."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable

from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.shell.model import firmware_files
from edgeblur.records import record_of

BARE = "bare-metal"
"""The kind that emulated boards take."""


@dataclass(frozen=True)
class Tried:
    """What came of projects with an SDK; no real board was there.

    Attributes:
        sdk: its version, and for which boards.
        built, run: `yes`, `no`, or how far.
        by: what, and when.
    """

    sdk: str
    built: str
    run: str
    by: str

    @property
    def outcome(self) -> str:
        """All of it as a part of a sentence."""
        built = {"yes": "built", "no": "not built"}.get(self.built, self.built)
        run = {"yes": " and run", "no": ", not run"}.get(self.run, f", {self.run}")
        return f"{built}{run} (SDK: {self.sdk}; {self.by})"


@dataclass(frozen=True)
class Kind:
    """A kind of project, as kinds.toml has it; its comments say what the fields are."""

    name: str
    title: str
    engine: str
    own: str
    files: tuple[str, ...]
    build: str
    flash: tuple[str, ...]
    tools: Mapping[str, str]
    checked: str
    tried: tuple[Tried, ...]
    placed: Mapping[str, str] = field(default_factory=dict)
    bare: bool = False
    port: tuple[str, ...] = ()
    must_port: bool = False
    place: str = "."
    built: str | None = None
    drive: str | None = None
    second_core: tuple[str, ...] = ()
    second_core_stack_bytes: int = 0

    @property
    def told(self) -> str:
        """What came of such projects, in a sentence."""
        outcomes = "; ".join(one.outcome for one in self.tried)
        return f"{self.checked} Such projects were {outcomes}. On a real board none was run."


def tried_table() -> list[str]:
    """README's and docs/sdks.md's table of what came of each kind with its SDK, line by line."""
    lines = ["| kind | SDK | built | run | how |", "|---|---|---|---|---|"]
    for kind in kinds().values():
        rows = (f"| {kind.name} | {one.sdk} | {one.built} | {one.run} | {one.by} |" for one in kind.tried)
        lines.extend(rows)
    return lines


def project_files() -> Traversable:
    """The folder of templates."""
    return firmware_files() / "projects"


@functools.cache
def kinds() -> dict[str, Kind]:
    """All kinds by name."""
    facts = tomllib.loads((project_files() / "kinds.toml").read_text())
    return {name: record_of(Kind, {"name": name, **each}) for name, each in facts.items()}


def kinds_of(board: Board) -> tuple[str, ...]:
    """The kinds of project that a board takes, its own ecosystem's first."""
    if board.emulator is not None:
        return (BARE,)
    named = [name for name, _ in board.names if name in kinds()]
    return tuple(sorted(named, key=lambda name: name != board.sdk))


def boards_of_kind(boards: Sequence[Board], kind: str) -> tuple[Board, ...]:
    """Those of some boards that take a kind of project.

    Raises:
        UserError: there is no such kind, or none of the boards takes it.
    """
    if kind not in kinds():
        raise UserError(f"there is no kind of project called {kind!r}: choose {', '.join(kinds())}")
    found = tuple(board for board in boards if kind in kinds_of(board))
    if not found:
        raise UserError(f"{boards[0].name} takes no {kind} project, but {' or '.join(kinds_of(boards[0])) or 'none'}")
    return found


def choose_kind(board: Board, name: str | None) -> Kind:
    """A kind that a board takes.

    Raises:
        UserError: it takes none, or not this one.
    """
    possible = kinds_of(board)
    if not possible and board.sdk == "linux":
        raise UserError(
            f"{board.name} runs Linux and needs no firmware: install edgeblur there, or build the C of "
            "`edgeblur export --engine stream`"
        )
    if not possible:
        raise UserError(
            f"there is no kind of project for {board.name} yet: take the C of `edgeblur export --engine stream` "
            f"into a project of {board.sdk}"
        )
    if name is not None and name not in possible:
        raise UserError(f"{board.name} takes no {name} project: choose {' or '.join(possible)}")
    return kinds()[name or possible[0]]


def fill_arguments(kind: Kind, board: Board, port: str | None) -> list[str]:
    """The command that flashes a project of a kind.

    Args:
        kind: of the project.
        board: what it is for.
        port: of the board, where the command needs it.
    """
    values = {"name": board.name_in(kind.name) or "", "pyocd": board.name_in("pyocd") or "", "port": port or ""}
    arguments: list[str] = []
    for argument in kind.flash:
        if argument == "{port}":
            arguments += [part.format(**values) for part in kind.port] if port else []
        else:
            arguments.append(argument.format(**values))
    return arguments


def start_command(board: Board) -> list[str]:
    """What starts an emulated board with its firmware; QEMU prints where its serial port is."""
    assert board.emulator is not None
    emulator = board.emulator
    return [
        emulator.program,
        *emulator.arguments,
        "-display",
        "none",
        "-serial",
        "pty",
        "-kernel",
        "build/firmware.elf",
    ]
