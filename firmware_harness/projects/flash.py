"""Flashing a firmware project: the ecosystem's own tool does it, and the user sees what is run."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import RunError, UserError
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.projects.kinds import Kind, fill_arguments, kinds, start_command
from edgeblur.firmware_harness.projects.projects import MARKER, Marker

DRIVE_ROOTS = (Path("/media"), Path("/run/media"), Path("/Volumes"), Path("/mnt"))
"""Where systems show drives, at most two folders deep."""


@dataclass(frozen=True)
class FlashPlan:
    """What flashing a project comes to.

    Attributes:
        folder: the project.
        kind: of it.
        board: what it is for.
        command: the tool and its arguments; for a drive `cp`.
        place: the folder that it runs in.
    """

    folder: Path
    kind: Kind
    board: Board
    command: tuple[str, ...]
    place: Path

    @property
    def shell_line(self) -> str:
        """The command as a shell takes it."""
        return f"cd {shlex.quote(str(self.place))} && {shlex.join(self.command)}"


def _marker(folder: Path) -> Marker:
    if not (folder / MARKER).is_file():
        raise UserError(
            f"{folder} is not a firmware project (it has no {MARKER}): write one with `edgeblur firmware MODEL "
            f"--board B --out {folder}`"
        )
    marker = Marker.read(folder / MARKER)
    if marker.kind not in kinds():
        raise UserError(f"{folder / MARKER} names no kind of project that this edgeblur knows: write the project anew")
    return marker


def find_drive(mark: str, roots: Iterable[Path] | None = None) -> Path | None:
    """A board that shows itself as a drive, known by a file on it; None if there is none."""
    for root in DRIVE_ROOTS if roots is None else roots:
        for pattern in (f"*/{mark}", f"*/*/{mark}"):
            for found in sorted(root.glob(pattern)):
                return found.parent
    return None


def plan_flash(
    folder: Path, *, board: str | None = None, board_file: Path | None = None, port: str | None = None,
    drive: Path | None = None,
) -> FlashPlan:  # fmt: skip
    """Find out how a project is flashed.

    Args:
        folder: from `edgeblur firmware`.
        board: its board's name, if the user gave it.
        board_file: boards of the user's, if it is one of those.
        port: where the board is, for tools that need it.
        drive: where the board shows itself as a drive, to copy the firmware there.

    Raises:
        UserError: no such project, another board, an emulated one, no port, or no drive.
    """
    marker = _marker(folder)
    if board is not None and board != marker.board:
        raise UserError(f"{folder} was written for {marker.board}, not {board}: write a project for {board} first")
    target, kind = find_board(marker.board, board_file), kinds()[marker.kind]
    if target.emulator is not None:
        raise UserError(
            f"{target.name} is emulated and needs no flashing: start it with "
            f"`cd {shlex.quote(str(folder))} && {shlex.join(start_command(target))}`"
        )
    if drive is not None:
        return FlashPlan(folder, kind, target, _copy(kind, target, drive), folder)
    if kind.must_port and port is None:
        raise UserError(f"{kind.flash[0]} must know where {target.name} is: give its serial port", options=("port",))
    command = tuple(fill_arguments(kind, target, port))
    if kind.drive and shutil.which(command[0]) is None and (found := find_drive(kind.drive)):
        return FlashPlan(folder, kind, target, _copy(kind, target, found), folder)
    return FlashPlan(folder, kind, target, command, folder / kind.place)


def _copy(kind: Kind, board: Board, drive: Path) -> tuple[str, ...]:
    if kind.drive is None or kind.built is None:
        raise UserError(
            f"{board.name} does not take firmware as a drive with a {kind.name} project", options=("drive",)
        )
    if not (drive / kind.drive).is_file():
        raise UserError(
            f"{drive} is not the drive of {board.name} (it has no {kind.drive}): hold BOOTSEL and plug it in"
        )
    return ("cp", kind.built, str(drive.absolute()))  # the tool runs in the project's folder


def run_flash(plan: FlashPlan) -> None:
    """Flash a project; the tool speaks to the user itself.

    Args:
        plan: from `plan_flash`.

    Raises:
        UserError: the project is not built yet, or the tool is not installed.
        RunError: the tool failed.
    """
    tool, built = plan.command[0], plan.kind.built
    if built is not None and not (plan.folder / built).is_file():
        place, build = shlex.quote(str(plan.folder)), Marker.read(plan.folder / MARKER).build
        raise UserError(f"{plan.folder} is not built yet (it has no {built}): first `cd {place} && {build}`")
    if shutil.which(tool) is None:
        how = plan.kind.tools.get(tool, "see its own documentation")
        raise UserError(f"{tool} was not found, which flashes {plan.board.name}: {how}")
    done = subprocess.run(plan.command, cwd=plan.place, check=False)
    if done.returncode:
        raise RunError(
            f"{tool} ended with exit code {done.returncode} and did not flash {plan.board.name}: its own words are "
            "above; is the board connected?"
        )
