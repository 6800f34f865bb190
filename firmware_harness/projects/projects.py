"""Firmware projects: a model with its serial protocol, as sources that a board's own ecosystem builds."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.export.stream.costs.code_size import OPTIMIZE_FLAGS
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.export.veil.emit import FINDER
from edgeblur.files import new_folder, refuse_swallowing, sha256
from edgeblur.firmware_harness.boards.boards import Board, options_for
from edgeblur.firmware_harness.emulation.build import COMPILE_FLAGS, LINK_FLAGS, linker_script
from edgeblur.firmware_harness.engines.host_c import check_compiles
from edgeblur.firmware_harness.projects.frames_firmware import DRIVER_HEADERS, FRAMES, camera_drivers, frames_model
from edgeblur.firmware_harness.projects.kinds import (
    BARE,
    Kind,
    choose_kind,
    fill_arguments,
    kinds,
    project_files,
    start_command,
)
from edgeblur.firmware_harness.shell.cores import HOOKS, cores_hooks
from edgeblur.firmware_harness.shell.marks import write_marked
from edgeblur.firmware_harness.shell.model import (
    CAMERA,
    NAME,
    SERIAL_FILES,
    FirmwareModel,
    copy_firmware,
    firmware_files,
    firmware_model,
    write_engine,
)
from edgeblur.firmware_harness.shell.room import check_room, with_stack
from edgeblur.firmware_harness.shell.tflm import STACK_BYTES, check_tflm_room, find_tflm, tflm_model
from edgeblur.records import Record

MARKER = "edgeblur.json"
"""The file by which a project is known again."""

_BUILDS = ("build", ".pio", "managed_components", "dependencies.lock", "sdkconfig", "sdkconfig.old")
"""What the ecosystems' tools leave in a project; a project may be written anew over it."""

_OURS_ALONE = ("-std=c99", "-pedantic", "-Wconversion", "-Werror")
"""Flags of our own builds that a user's has not: another compiler may know warnings that ours does not."""

_TFLM_CHECKED = (
    "Our tests build projects with this engine against a stand-in for TensorFlow Lite Micro, and run that in QEMU; "
    "with TensorFlow Lite Micro itself they were not built."
)


@dataclass(frozen=True)
class ProjectOptions:
    """What a project is written for.

    Attributes:
        kind: one of `kinds_of` the board; None for its first.
        stream: aim and budgets; the core is the board's.
        force: replace an earlier project.
        tflm: a folder of TensorFlow Lite Micro, to run the model with that; None for the streaming engine.
        frames: a veil for frames of a camera's size comes along, instead of the whole net; None for none.
    """

    kind: str | None = None
    stream: StreamOptions = field(default_factory=StreamOptions)
    force: bool = False
    tflm: Path | None = None
    frames: FrameOptions | None = None


@dataclass(frozen=True)
class Marker(Record):
    """What a project's folder says of itself, in `MARKER`.

    Attributes:
        edgeblur: the version that wrote it.
        kind: of the project.
        board: what it is for.
        model: the .tflite's name.
        sha256: of the .tflite.
        build: the command.
        files: SHA-256 of each file as it was written, by its path in the folder.
    """

    REMEDY: ClassVar = "write the project anew"

    edgeblur: str
    kind: str
    board: str
    model: str
    sha256: str
    build: str
    files: Mapping[str, str]


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
        engine: `stream` or `tflm`.
        ram_bytes: of engine and rows, without stack; None if not known.
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
    engine: str
    ram_bytes: int | None
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
            "engine": self.engine,
            **({"ram_bytes": self.ram_bytes} if self.ram_bytes is not None else {}),
            "constant_bytes": self.constant_bytes,
            "build": self.build,
            "flash": self.flash,
            "checked": self.checked,
        }


def _checked(kind: Kind, board: Board, model: FirmwareModel) -> str:
    """What our tests do with such a project, in sentences."""
    if model.engine.name == "tflm":
        return _TFLM_CHECKED
    if board.core.toolchain.packages:
        core = f"Our tests compile engine and protocol for the {board.core.title}."
    else:
        core = f"Debian has no compiler for the {board.core.title}: engine and protocol are checked for syntax only."
    return f"{core} {kind.told}"


def _flash_command(kind: Kind, board: Board) -> str:
    if board.emulator is not None:
        return shlex.join(start_command(board))
    command = shlex.join(fill_arguments(kind, board, "PORT"))
    return command if kind.place == "." else f"(cd {kind.place} && {command})"


def _drivers(kind: Kind, board: Board) -> tuple[str, ...]:
    """C files of start-up, timer and UART where no SDK brings them."""
    if not kind.bare:
        return ()
    timer, uart = "dwt", "yours"
    if board.emulator is not None:
        timer, uart = board.emulator.timer, board.emulator.uart or uart
    elif kind.name == "stm32":
        uart = "stm32"
    return (f"startup_{board.core.startup}.c", f"timer_{timer}.c", f"uart_{uart}.c")


def _values(kind: Kind, board: Board, model: FirmwareModel, options: ProjectOptions) -> dict[str, Any]:
    """Everything that templates may ask for."""
    name = board.name_in(kind.name) or board.name
    stream = options.stream
    ram = f" --ram {stream.ram_bytes}" if stream.ram_bytes is not None else ""
    ram += f" --flash {stream.flash_bytes}" if stream.flash_bytes is not None else ""
    ram += f" --cores {stream.cores}" if stream.cores > 1 else ""
    ram += options.frames.told if options.frames is not None else ""
    ram = f" --engine tflm --tflm {options.tflm}" if options.tflm is not None else ram
    toolchain, engine = board.core.toolchain, model.engine
    return {
        "kind": kind.name, "title": kind.title, "board": board, "emulator": board.emulator, "stm32": board.stm32,
        "name": name, "pyocd": board.name_in("pyocd"), "version": __version__, "model": model.name,
        "sha256": model.model.graph.sha256, "size": (model.model.input.width, model.model.input.height),
        "ram_bytes": engine.ram_bytes + model.row_bytes if engine.ram_bytes is not None else None,
        "constant_bytes": engine.constant_bytes, "tflm": options.tflm, "checked": _checked(kind, board, model),
        "build": kind.build.format(name=name), "flash": _flash_command(kind, board), "takes_port": bool(kind.port),
        "tools": {} if board.emulator else dict(kind.tools), "engine_place": kind.engine, "own": kind.own,
        "command": f"edgeblur firmware {model.name} --board {board.name} --kind {kind.name} --out DIR "
                   f"--optimize {stream.optimize}{ram}",
        "engine_sources": (*engine.sources, "protocol.c"), "frames": options.frames, "cores": stream.cores,
        "esp32_camera": "frames_esp32_camera.c" in engine.sources, "largest": engine.largest,
        "driver": next((name for name, _ in engine.generated if name in DRIVER_HEADERS), None),
        "optimize": OPTIMIZE_FLAGS[stream.optimize], "toolchain": toolchain,
        "binutils": toolchain.compiler.removesuffix("-gcc"), "link_flags": LINK_FLAGS,
        "flags": (OPTIMIZE_FLAGS[stream.optimize], *(flag for flag in COMPILE_FLAGS if flag not in _OURS_ALONE)),
    }  # fmt: skip


@functools.cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (project_files() / name).read_text()),
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
    write_marked(folder / "README.md", _render("README.md.j2", values))
    for file in _tree(project_files() / kind.name, PurePosixPath(kind.name)):
        place = folder / PurePosixPath(*file.parts[1:])
        if file.name == "notes.md.j2":  # part of README.md
            continue
        if file.suffix == ".j2":
            write_marked(place.with_suffix(""), _render(str(file), values))
        else:
            write_marked(place, (project_files() / str(file)).read_text())


def _write_bare(folder: Path, kind: Kind, board: Board, values: dict[str, Any]) -> None:
    """Linker script, compiler, drivers and the facts that these need."""
    copy_firmware(folder / kind.own, _drivers(kind, board))
    write_marked(folder / kind.own / "board.h", _render("board.h.j2", values))
    write_marked(folder / "toolchain.cmake", _render("toolchain.cmake.j2", values))
    write_marked(folder / "link.ld", linker_script(board, library=values["tflm"] is not None))
    if values["tflm"] is not None:
        write_marked(folder / "tflm.cmake", _render("tflm.cmake.j2", values))


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
    write_engine(folder / kind.engine, model, board.name, board.sections)
    copy_firmware(folder / kind.engine, SERIAL_FILES)
    copy_firmware(folder / kind.own, (CAMERA, *kind.files))
    for place, source in kind.placed.items():
        write_marked(folder / place, (firmware_files() / source).read_text())
    if kind.bare:
        _write_bare(folder, kind, board, values)
    _write_templates(folder, kind, values)
    files = {name: sha256((folder / name).read_bytes()) for name in _files(folder)}
    marker = Marker(__version__, kind.name, board.name, model.name, values["sha256"], values["build"], files)
    marker.write(folder / MARKER)


def _files(folder: Path) -> list[str]:
    """All files of a project but its marker and what builds leave there."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] not in (MARKER, *_BUILDS))


def _refuse_users_files(out: Path) -> None:
    """Refuse to replace a project in which someone filled in the camera hook, or put a file beside ours.

    Raises:
        UserError: a file is not as edgeblur wrote it; the first is named.
    """
    if not (out / MARKER).is_file():
        return
    written = Marker.read(out / MARKER).files
    for name in _files(out):
        if sha256((out / name).read_bytes()) != written.get(name):
            what = "was changed after edgeblur wrote it" if name in written else "was not written by edgeblur"
            raise UserError(f"{out / name} {what} and would be lost: move it away, or choose another place")


def _make(tflite: Path, board: Board, kind: Kind, options: ProjectOptions) -> tuple[Board, FirmwareModel]:
    """The model with the engine that was asked for, and the board with the stack that it needs.

    Raises:
        UserError: the engine cannot run it, the kind of project does not take it, or it does not fit.
    """
    if options.tflm is None:
        stream = options_for(board, options.stream)
        if options.frames is not None:
            drivers = camera_drivers(kind.name, options.frames.hold)
            model = frames_model(tflite, options.frames, stream, drivers)
        else:
            model = firmware_model(tflite, stream)
        compiled = model.engine.compiled
        assert compiled is not None
        board = with_stack(board, compiled)
        check_room(model.name, model.frames or compiled, board)
        if stream.cores > 1:
            model = _with_second_core(model, board, kind, [FRAMES + FINDER if options.frames else NAME])
        return board, model
    if kind.name != BARE:
        raise UserError(
            f"TensorFlow Lite Micro is for {BARE} projects, not {kind.name}: see `edgeblur export` for others"
        )
    model = tflm_model(tflite, optimize=options.stream.optimize)
    check_tflm_room(model, board)
    return dataclasses.replace(board, stack_bytes=STACK_BYTES), model


def _with_second_core(model: FirmwareModel, board: Board, kind: Kind, names: Sequence[str]) -> FirmwareModel:
    """The model with what starts a second core, and the hooks that its C, of these prefixes, calls.

    Raises:
        UserError: such projects take one core.
    """
    if not kind.second_core:
        able = " and ".join(other.name for other in kinds().values() if other.second_core)
        raise UserError(f"{kind.name} projects take one core, {able} projects two: leave it out", options=("cores",))
    stack_bytes = board.stack_bytes + kind.second_core_stack_bytes
    texts = [(name, (firmware_files() / name).read_text()) for name in ("cores.h", *kind.second_core)]
    generated = (*model.engine.generated, (HOOKS, cores_hooks(names, stack_bytes)), *texts)
    return dataclasses.replace(model, engine=dataclasses.replace(model.engine, generated=generated))


def _host_sources(model: FirmwareModel) -> list[str]:
    """Generated C that any compiler takes: a camera's driver and a second core want the headers of their SDK."""
    drivers = {Path(name).stem for name in DRIVER_HEADERS}
    drivers |= {Path(name).stem for kind in kinds().values() for name in kind.second_core}
    return [name for name, _ in model.engine.generated if name.endswith(".c") and Path(name).stem not in drivers]


def write_firmware(tflite: Path, board: Board, out: Path, options: ProjectOptions) -> WrittenProject:
    """Write a complete project that a board's ecosystem builds, all of it or nothing.

    Args:
        tflite: an int8 model.
        board: from boards.toml.
        out: a new or empty folder; with `force` also an earlier project's, which is replaced if nobody changed it.
        options: kind, engine, aims.

    Raises:
        UserError: no such kind for this board, a model that cannot be run there or does not fit, a folder not free.
        RunError: this host's compiler does not take the model's C, or the disk is full.
    """
    kind = choose_kind(board, options.kind)
    if options.tflm is not None:
        options = dataclasses.replace(options, tflm=find_tflm(options.tflm))
    board, model = _make(tflite, board, kind, options)
    refuse_swallowing(out, [tflite])
    _refuse_users_files(out)
    with new_folder(out, force=options.force, marker=MARKER) as folder:
        write_files(folder, kind, board, model, options)
        for source in _host_sources(model):
            check_compiles(folder / kind.engine / source)
    values = _values(kind, board, model, options)
    return WrittenProject(
        folder=out,
        kind=kind,
        board=board,
        model=model.name,
        sha256=values["sha256"],
        files=tuple(sorted([MARKER, *_files(out)])),
        engine=model.engine.name,
        ram_bytes=values["ram_bytes"],
        constant_bytes=values["constant_bytes"],
        build=values["build"],
        flash=values["flash"],
        checked=values["checked"],
    )
