"""What a net may cost on a board, and what it does cost, by the compiler: no weight is needed for that."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import ClassVar

from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.errors import DoesNotFit
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.fit.fit import Memory, fit
from edgeblur.firmware_harness.fit.plan import plan_graph
from edgeblur.records import Record
from edgeblur.search.skeleton import skeleton


@dataclass(frozen=True)
class Budget(Record):
    """Limits on a board; what is None is the board's own, or none.

    Attributes:
        board: its name.
        ram_bytes, flash_bytes: everything, with rows and stack, and with code.
        instructions: a frame.
        ms: a frame at the board's highest clock, estimated.
        optimize: what the C is generated for.
        frame: width and height of a camera's frames that are veiled; None for pictures of the net's own size.
        pixels, hold: of such frames.
    """

    NAMES: ClassVar = {"ram_bytes": "ram", "flash_bytes": "flash"}

    board: str
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    instructions: int | None = None
    ms: float | None = None
    optimize: str = "speed"
    frame: tuple[int, int] | None = None
    pixels: str = "rgb565le"
    hold: str = "buffer"

    def on_board(self) -> Budget:
        """The same with the board's own memory where no limit is named.

        Raises:
            UserError: no such board.
        """
        board = find_board(self.board)
        flash = board.flash.size_bytes if board.flash else None
        return replace(
            self,
            ram_bytes=board.ram[0].size_bytes if self.ram_bytes is None else self.ram_bytes,
            flash_bytes=flash if self.flash_bytes is None else self.flash_bytes,
        )

    @property
    def frames(self) -> FrameOptions | None:
        """The frames as the compiler takes them."""
        return FrameOptions(*self.frame, pixels=self.pixels, hold=self.hold) if self.frame else None


@dataclass(frozen=True)
class Cost(Record):
    """What a net takes, before it is trained.

    Attributes:
        ram_bytes: everything writable, with rows and stack.
        flash_bytes: weights and tables, and an estimate of the code.
        instructions: a frame, predicted; None on a core on which nothing was counted.
        ms: a frame, estimated; None where cycles or clock are unknown.
    """

    ram_bytes: int
    flash_bytes: int
    instructions: int | None = None
    ms: float | None = None

    def excess(self, budget: Budget) -> tuple[float, ...]:
        """By which shares it goes beyond each limit; none is above 0 where it fits."""
        pairs = (
            (self.ram_bytes, budget.ram_bytes),
            (self.flash_bytes, budget.flash_bytes),
            (self.instructions, budget.instructions),
            (self.ms, budget.ms),
        )
        return tuple(cost / limit - 1 if cost is not None and limit is not None else 0.0 for cost, limit in pairs)


def cost_of(spec: MaskSpec, budget: Budget) -> Cost | None:
    """What a net takes on the budget's board; None where not even the direct kernels fit.

    Raises:
        UserError: no such board, or frames that mask heads cannot be rewritten for.
    """
    return _cost(spec, budget)


@functools.lru_cache(256)
def _cost(spec: MaskSpec, budget: Budget) -> Cost | None:
    board = find_board(budget.board)
    options = StreamOptions(budget.optimize, flash_bytes=_for_weights(budget))
    try:
        fitted = fit(plan_graph(skeleton(spec), options, budget.frames), board)
    except DoesNotFit:
        return None
    if fitted.stream is None:
        return None
    ram, flash = (fitted.stream.memory(kind) for kind in ("RAM", "flash"))
    return Cost(_size(ram), _size(flash), fitted.frame.instructions if fitted.frame else None, fitted.estimated_ms)


_OTHER_CODE_BYTES = 6_000
"""Of a limit on all flash: the veil and the start-up, which the compiler's own budget does not count."""


def _for_weights(budget: Budget) -> int | None:
    """What the compiler may spend on code and weights, as fast kernels take more of both."""
    if budget.flash_bytes is None or budget.optimize == "size":
        return None
    return max(1, budget.flash_bytes - _OTHER_CODE_BYTES)


def _size(memory: Memory | None) -> int:
    return memory.size_bytes if memory else 0
