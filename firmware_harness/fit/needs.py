"""What a model takes of a board's RAM and flash, part by part, with each engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeblur.export.stream.costs.footprint import Footprint
from edgeblur.export.stream.costs.prices import FrameCost
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflm.arena import Arena
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.fit.code_sizes import estimate_code
from edgeblur.firmware_harness.shell.reserved import PORT_RAM_BYTES, second_core_bytes

if TYPE_CHECKING:
    from edgeblur.export.tflite.outputs import Output
    from edgeblur.export.veil.plan import PlanFacts

TFLM_CODE_BYTES = (41_000, 74_000)
"""TensorFlow Lite Micro's code without the model, minimum and maximum: U-Nets of width 4 to 32 with CMSIS-NN, linked
for Cortex-M3 to M55 at -O2 and -O3. The maximum counts."""

SERIAL_BYTES = (56, 700)
"""RAM and flash of the serial protocol, in what `edgeblur firmware` wrote for mps2-an386 around U-Nets of width 4 and 8
at 128x128: `.bss` less state and rows, and flash beyond that of firmware that exchanges files."""


@dataclass(frozen=True)
class Part:
    """Something that takes memory.

    Attributes:
        name: for people.
        size_bytes: of it.
        basis: where the number comes from: `exact`, `reserved`, `measured`, `recorded` or `estimated`.
        note: what else there is to say about it.
    """

    name: str
    size_bytes: int
    basis: str
    note: str = ""


Parts = tuple[Part, ...]


@dataclass(frozen=True)
class VeilNeeds:
    """What veiling frames takes, with the finder's net.

    Attributes:
        ram: state, loop and rows or frame.
        constant_bytes: weights and tables, the veil's too.
        code_bytes: of the veil.
        instructions: of a frame, the veil's alone; None where nothing was counted.
        looks: how often the finder runs for a frame.
        facts: the frame's plan, for `--json`.
    """

    ram: Parts
    constant_bytes: int
    code_bytes: int
    instructions: int | None
    looks: int
    facts: PlanFacts

    def with_finder(self, frame: FrameCost) -> FrameCost | None:
        """A finder's work and the veil's, which is taken to need as many cycles an instruction."""
        if self.instructions is None:
            return None
        share = self.looks + self.instructions / frame.instructions
        cycles = None if frame.cycles is None else round(frame.cycles * share)
        return replace(frame, instructions=frame.instructions * self.looks + self.instructions, cycles=cycles)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model, as far as boards do not matter.

    Attributes:
        name: for tables.
        size_bytes: of the .tflite.
        options: aim and budgets, whatever the board.
        footprint: with the streaming engine and direct kernels; None if that refuses it, and of frames.
        why_not: its refusal.
        arena: of TensorFlow Lite Micro.
        suited: its footprint with the kernels that suit a board; None if they are direct on all.
        veiled: what veiling frames of a camera's size takes on a board; None for pictures of the model's own size.
        tflm_differs: where TensorFlow Lite Micro's bytes are not LiteRT's, layer by layer.
        outputs: if there are several.
    """

    name: str
    size_bytes: int
    options: StreamOptions
    footprint: Footprint | None
    why_not: str | None
    arena: Arena
    suited: Callable[[Board], Footprint] | None = None
    veiled: Callable[[Board], VeilNeeds] | None = None
    tflm_differs: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()

    def footprint_on(self, board: Board) -> Footprint | None:
        """On a board; None if the streaming engine refuses it."""
        return self.suited(board) if self.suited else self.footprint

    def veil_on(self, board: Board) -> VeilNeeds | None:
        """On a board; None where no frames are veiled."""
        return self.veiled(board) if self.veiled else None


def round_up(size: int) -> int:
    """To whole words."""
    return -(-size // 4) * 4


def _stack(board: Board) -> Part:
    return Part("stack", board.stack_bytes, "reserved")


def _transport(board: Board) -> tuple[Part, Parts]:
    """What our firmware takes to exchange pictures, beside the two rows: RAM, and flash if that is not in the rest."""
    if board.emulator:
        return Part("transport", PORT_RAM_BYTES, "exact"), ()
    note = "in firmware for mps2-an386"
    ram, flash = SERIAL_BYTES
    return Part("serial protocol", ram, "measured", note), (Part("serial protocol's code", flash, "measured", note),)


def stream_parts(candidate: Candidate, board: Board) -> tuple[Parts, Parts] | None:
    """RAM and flash; the RAM is, part by part, what `build.ram_needed` adds up."""
    footprint, veil = candidate.footprint_on(board), candidate.veil_on(board)
    if footprint is None:
        return None
    board = board.with_stack(footprint.extra_stack_bytes)
    code = estimate_code(footprint.kernels, board.core, candidate.options.optimize)
    sizes = code.sizes
    stack, (transport, transport_code) = _stack(board), _transport(board)
    second = second_core_bytes(footprint.cores, board.stack_bytes)
    measured = f"at most {sizes.stack_bytes:,} B were used on {sizes.board}"
    ram = (
        *(veil.ram if veil else _row_parts(footprint)),
        transport,
        Part(stack.name, stack.size_bytes, stack.basis, measured),
        *((Part("second core", second, "reserved", "its stack"),) if second else ()),
    )
    like = "" if code.own else f"as on {sizes.core}: {board.core.name} was not measured; "
    off = f"{like}real code took {sizes.least_share:.2f} to {sizes.most_share:.2f} times such estimates"
    flash = (
        Part("weights and tables", (veil or footprint).constant_bytes, "exact"),
        Part("engine code", code.code_bytes, "estimated", off),
        *((Part("veil's code", veil.code_bytes, "measured", "for Cortex-M4"),) if veil else ()),
        Part("start-up and C library", code.runtime_bytes, "measured", f"in firmware for {sizes.board}"),
        *transport_code,
    )
    return ram, flash


def _row_parts(footprint: Footprint) -> Parts:
    return (
        Part("state", footprint.state_bytes, "exact"),
        Part("row in", round_up(footprint.row_in_bytes), "exact"),
        Part("row out", round_up(footprint.row_out_bytes), "exact"),
    )


def tflm_parts(candidate: Candidate, board: Board) -> tuple[Parts, Parts] | None:
    """RAM and flash; None where the arena is unknown."""
    arena = candidate.arena.bytes
    if arena is None:
        return None
    note = "reference kernels, 64-bit tables; input and output are in it"
    transport, transport_code = _transport(board)
    ram = (Part("arena", arena, "recorded", note), transport, _stack(board))
    minimum, maximum = TFLM_CODE_BYTES
    code = Part("library code", maximum, "estimated", f"{minimum:,} to {maximum:,} B were measured with CMSIS-NN")
    return ram, (Part("model", candidate.size_bytes, "exact"), code, *transport_code)
