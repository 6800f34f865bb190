"""The room that firmware takes on a board: known before anything is built."""

from __future__ import annotations

from edgeblur.errors import UserError
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.planning.layout import extra_stack_bytes, output_row_bytes
from edgeblur.export.veil.compile import CompiledFrames
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.shell.reserved import BEGUN_BYTES, PORT_RAM_BYTES, second_core_bytes


def with_stack(board: Board, compiled: Compiled) -> Board:
    """The board with the stack that a model takes there: more where windows span hundreds of rows."""
    return board.with_stack(extra_stack_bytes(compiled.net))


def ram_needed(compiled: Compiled, board: Board) -> int:
    """What `.data`, `.bss` and `.stack` of the linked firmware come to, to the byte."""
    files, rows = compiled.files, (compiled.net.nodes[0].plane.row_bytes, output_row_bytes(compiled.net))
    used = files.state_bytes + sum(-(-row // 4) * 4 for row in rows) + PORT_RAM_BYTES + board.stack_bytes
    return used + second_core_bytes(compiled.net.cores, board.stack_bytes)


def frames_ram_needed(frames: CompiledFrames, board: Board) -> int:
    """The same of firmware that veils frames; a frame that a camera's driver would own is in it."""
    files, plan = frames.files, frames.plan
    rows = plan.height * plan.row_bytes if plan.hold == "buffer" else files.row_bytes
    used = -(-files.state_bytes // 4) * 4 + -(-rows // 4) * 4 + PORT_RAM_BYTES + BEGUN_BYTES + board.stack_bytes
    return used + second_core_bytes(frames.compiled.net.cores, board.stack_bytes)


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
