"""Firmware projects: a model with its serial protocol, as sources that a board's own ecosystem builds."""

from __future__ import annotations

import functools
import shlex
import tomllib
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.export.stream.code_size import OPTIMIZE_FLAGS
from edgeblur.files import new_folder, refuse_swallowing, write_json, write_text
from edgeblur.firmware_harness.boards import Board
from edgeblur.firmware_harness.build import COMPILE_FLAGS, LINK_FLAGS, check_room, linker_script
from edgeblur.firmware_harness.serial_firmware import (
    CAMERA,
    ENGINE_SOURCES,
    FirmwareModel,
    copy_firmware,
    firmware_files,
    firmware_model,
    write_engine,
)  # fmt: skip

MARKER = "edgeblur.json"
"""The file by which a project is known again."""

BARE = "bare-metal"

_OURS_ALONE = ("-std=c99", "-pedantic", "-Wconversion", "-Werror")
"""What our own builds are told and a user's are not: his compiler may know warnings that ours does not."""

_DWT_LESS = ("cortex-m0", "cortex-m0plus")


@dataclass(frozen=True)
class Kind:
    """A kind of project, as kinds.toml has it; its comments say what the fields are."""

    name: str
    title: str
    engine: str
    own: str
    files: tuple[str, ...]
    placed: tuple[tuple[str, str], ...]
    bare: bool
    build: str
    flash: tuple[str, ...]
    port: tuple[str, ...]
    must_port: bool
    place: str
    built: str | None
    drive: str | None
    tools: tuple[tuple[str, str], ...]
    checked: str


@dataclass(frozen=True)
class ProjectOptions:
    """What a project is written for.

    Attributes:
        kind: one of `kinds_of` the board; None for its first.
        optimize: `size` or `speed`.
        ram_bytes: as `export` takes it.
        force: replace an earlier project.
    """

    kind: str | None = None
    optimize: str = "size"
    ram_bytes: int | None = None
    force: bool = False


@dataclass(frozen=True)
class WrittenProject:
    """A project on disk.

    Attributes:
        folder: where it is.
        kind: what it is.
        board: what it is for.
        model: the .tflite's name.
        sha256: of the .tflite.
        files: paths relative to the folder.
        ram_bytes: of engine and rows, without stack.
        constant_bytes: weights and tables in flash.
        build, flash: the two commands.
        checked: what our tests do with such projects.
    """

    folder: Path
    kind: Kind
    board: Board
    model: str
    sha256: str
    files: tuple[str, ...]
    ram_bytes: int
    constant_bytes: int
    build: str
    flash: str
    checked: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "folder": str(self.folder),
            "kind": self.kind.name,
            "board": self.board.name,
            "model": self.model,
            "sha256": self.sha256,
            "files": list(self.files),
            "ram_bytes": self.ram_bytes,
            "constant_bytes": self.constant_bytes,
            "build": self.build,
            "flash": self.flash,
            "checked": self.checked,
        }


def _projects() -> Traversable:
    return firmware_files() / "projects"


def _kind(name: str, facts: dict[str, Any]) -> Kind:
    return Kind(
        name=name,
        title=facts["title"],
        engine=facts["engine"],
        own=facts["own"],
        files=tuple(facts["files"]),
        placed=tuple(facts.get("placed", {}).items()),
        bare=facts.get("bare", False),
        build=facts["build"],
        flash=tuple(facts["flash"]),
        port=tuple(facts.get("port", ())),
        must_port=facts.get("must_port", False),
        place=facts.get("place", "."),
        built=facts.get("built"),
        drive=facts.get("drive"),
        tools=tuple(facts["tools"].items()),
        checked=facts["checked"],
    )


@functools.cache
def kinds() -> dict[str, Kind]:
    """All kinds by name."""
    facts = tomllib.loads((_projects() / "kinds.toml").read_text())
    return {name: _kind(name, each) for name, each in facts.items()}


def kinds_of(board: Board) -> tuple[str, ...]:
    """The kinds of project that a board takes, its own ecosystem's first."""
    if board.emulator is not None:
        return (BARE,)
    named = [name for name, _ in board.names if name in kinds()]
    return tuple(sorted(named, key=lambda name: name != board.sdk))


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
        port: of the board, where the command needs it to be told.
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


def _checked(kind: Kind, board: Board) -> str:
    """What our tests do with such a project, in sentences."""
    if board.core.toolchain.packages:
        core = f"Our tests compile engine and protocol for the {board.core.title}."
    else:
        core = f"Debian has no compiler for the {board.core.title}: engine and protocol are checked for syntax only."
    return f"{core} {kind.checked}"


def _flash_command(kind: Kind, board: Board) -> str:
    if board.emulator is not None:
        return shlex.join(start_command(board))
    command = shlex.join(fill_arguments(kind, board, "PORT"))
    return command if kind.place == "." else f"(cd {kind.place} && {command})"


def _drivers(kind: Kind, board: Board) -> tuple[str, ...]:
    """C files of start-up, timer and UART where no SDK brings them."""
    if not kind.bare:
        return ()
    timer, uart = ("none" if board.core.name in _DWT_LESS else "dwt"), "yours"
    if board.emulator is not None:
        timer, uart = board.emulator.timer, board.emulator.uart
    elif kind.name == "stm32":
        uart = "stm32"
    return (f"startup_{board.core.startup}.c", f"timer_{timer}.c", f"uart_{uart}.c")


def _values(kind: Kind, board: Board, model: FirmwareModel, options: ProjectOptions) -> dict[str, Any]:
    """Everything that templates may ask for."""
    name = board.name_in(kind.name) or board.name
    ram = f" --ram {options.ram_bytes}" if options.ram_bytes is not None else ""
    toolchain, files = board.core.toolchain, model.compiled.files
    return {
        "kind": kind.name, "title": kind.title, "board": board, "emulator": board.emulator, "stm32": board.stm32,
        "name": name, "pyocd": board.name_in("pyocd"), "version": __version__, "model": model.name,
        "sha256": model.model.graph.sha256, "size": (model.model.input.width, model.model.input.height),
        "ram_bytes": files.ram_bytes, "constant_bytes": files.constant_bytes, "checked": _checked(kind, board),
        "build": kind.build.format(name=name), "flash": _flash_command(kind, board), "takes_port": bool(kind.port),
        "tools": {} if board.emulator else dict(kind.tools), "engine": kind.engine, "own": kind.own,
        "command": f"edgeblur firmware {model.name} --board {board.name} --kind {kind.name} --out DIR "
                   f"--optimize {options.optimize}{ram}",
        "engine_sources": ENGINE_SOURCES,
        "optimize": OPTIMIZE_FLAGS[options.optimize], "toolchain": toolchain,
        "binutils": toolchain.compiler.removesuffix("-gcc"), "link_flags": LINK_FLAGS,
        "flags": (OPTIMIZE_FLAGS[options.optimize], *(flag for flag in COMPILE_FLAGS if flag not in _OURS_ALONE)),
    }  # fmt: skip


@functools.cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (_projects() / name).read_text()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _render(template: str, values: dict[str, Any]) -> str:
    return str(_environment().get_template(template).render(**values))


def _tree(folder: Traversable, path: PurePosixPath) -> list[PurePosixPath]:
    """Files of a kind, relative to `projects`."""
    if folder.is_file():
        return [path]
    return [file for entry in folder.iterdir() for file in _tree(entry, path / entry.name)]


def _write_templates(folder: Path, kind: Kind, values: dict[str, Any]) -> None:
    write_text(folder / "README.md", _render("README.md.j2", values))
    for file in _tree(_projects() / kind.name, PurePosixPath(kind.name)):
        place = folder / PurePosixPath(*file.parts[1:])
        if file.name == "notes.md.j2":  # part of README.md
            continue
        if file.suffix == ".j2":
            write_text(place.with_suffix(""), _render(str(file), values))
        else:
            write_text(place, (_projects() / str(file)).read_text())


def _write_bare(folder: Path, kind: Kind, board: Board, values: dict[str, Any]) -> None:
    """Linker script, compiler, drivers and the facts that these need."""
    copy_firmware(folder / kind.own, _drivers(kind, board))
    write_text(folder / kind.own / "board.h", _render("board.h.j2", values))
    write_text(folder / "toolchain.cmake", _render("toolchain.cmake.j2", values))
    write_text(folder / "link.ld", linker_script(board))


def write_files(folder: Path, kind: Kind, board: Board, model: FirmwareModel, options: ProjectOptions) -> None:
    """Write a project's files into a folder.

    Args:
        folder: is made if need be.
        kind: one that the board takes.
        board: what it is for.
        model: what it runs.
        options: aims.
    """
    values = _values(kind, board, model, options)
    write_engine(folder / kind.engine, model, board.name)
    copy_firmware(folder / kind.own, (CAMERA, *kind.files))
    for place, source in kind.placed:
        write_text(folder / place, (firmware_files() / source).read_text())
    if kind.bare:
        _write_bare(folder, kind, board, values)
    _write_templates(folder, kind, values)
    facts = {"edgeblur": __version__, "kind": kind.name, "board": board.name, "model": model.name}
    write_json(folder / MARKER, facts | {"sha256": values["sha256"], "build": values["build"]})


def write_firmware(tflite: Path, board: Board, out: Path, options: ProjectOptions) -> WrittenProject:
    """Write a complete project that a board's ecosystem builds, all of it or nothing.

    Args:
        tflite: an int8 model.
        board: from boards.toml.
        out: a new or empty folder; with `force` also an earlier project's, which is replaced.
        options: kind, aims.

    Raises:
        UserError: no such kind for this board, a model that cannot be streamed or does not fit, a folder not free.
        RunError: the disk is full.
    """
    kind = choose_kind(board, options.kind)
    model = firmware_model(tflite, optimize=options.optimize, ram_bytes=options.ram_bytes)
    check_room(model.name, model.compiled, board)
    refuse_swallowing(out, [tflite])
    with new_folder(out, force=options.force, marker=MARKER) as folder:
        write_files(folder, kind, board, model, options)
    values = _values(kind, board, model, options)
    return WrittenProject(
        folder=out,
        kind=kind,
        board=board,
        model=model.name,
        sha256=values["sha256"],
        files=tuple(sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())),
        ram_bytes=values["ram_bytes"],
        constant_bytes=values["constant_bytes"],
        build=values["build"],
        flash=values["flash"],
        checked=values["checked"],
    )
