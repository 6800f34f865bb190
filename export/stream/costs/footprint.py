"""What a net takes once it is compiled, as numbers: all that `edgeblur fit` needs of it, without the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeblur.export.stream.costs.prices import FrameCost, has_vectors, price_frame


@dataclass(frozen=True)
class Footprint:
    """What a compiled net takes, whatever the core and the board.

    Attributes:
        state_bytes: `sizeof(NAME_state)`.
        row_in_bytes, row_out_bytes: of the caller's two rows.
        constant_bytes: weights and tables.
        extra_stack_bytes: what windows of hundreds of rows take of the stack beyond what boards reserve.
        kernels: how many layers take each kernel.
        work: of a frame, by `KERNEL.UNIT`; None if a kernel was never counted.
        vector_work: the same on cores with vectors.
        cores: how many make a row together.
        alone_work: of one of two cores.
    """

    state_bytes: int
    row_in_bytes: int
    row_out_bytes: int
    constant_bytes: int
    extra_stack_bytes: int
    kernels: Mapping[str, int]
    work: Mapping[str, float] | None
    vector_work: Mapping[str, float] | None
    cores: int = 1
    alone_work: Mapping[str, float] | None = None

    def frame_cost(self, core: str, optimize: str) -> FrameCost | None:
        """Predict a frame on a core; None where nothing like it was counted.

        Args:
            core: a key of boards.toml.
            optimize: `size`, `balanced` or `speed`.
        """
        work = self.vector_work if has_vectors(core) else self.work
        cost = None if work is None else price_frame(work, core, optimize=optimize)
        if cost is None or self.alone_work is None:
            return cost
        return cost.beside(price_frame(self.alone_work, core, optimize=optimize))
