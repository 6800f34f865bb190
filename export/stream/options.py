"""What the streaming compiler is asked for, and what it may take."""

from __future__ import annotations

from dataclasses import dataclass

from edgeblur.errors import UserError

AIMS = ("size", "balanced", "speed")
"""`size`: little flash; `speed`: few instructions, within a budget of flash; `balanced`: as `speed`, but at most
`costs.choose.BALANCED` times the flash of `size`."""


FLASH_BYTES = 1_000_000
"""What code, weights and tables may take for `speed`."""


@dataclass(frozen=True)
class StreamOptions:
    """What C is generated for.

    Attributes:
        optimize: one of `AIMS`.
        ram_bytes: maximum of everything writable but the stack; rows are computed twice where that saves enough. None
            for whatever it takes without recomputing.
        flash_bytes: maximum of code, weights and tables for `speed` and `balanced`; None for
            `FLASH_BYTES`.
        core: a key of boards.toml, for which kernels are chosen; None for direct kernels, which suit any. The C runs
            everywhere all the same, and for `size` it is the same for all.
        cores: how many make each row together, 1 or 2.

    Raises:
        UserError: an unknown aim, a negative budget, or another number of cores.
    """

    optimize: str = "size"
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    core: str | None = None
    cores: int = 1

    def __post_init__(self) -> None:
        if self.optimize not in AIMS:
            raise UserError(f"unknown aim {self.optimize!r}: choose among {', '.join(AIMS)}")
        if self.cores not in (1, 2):
            raise UserError(f"a row is made by 1 or 2 cores, got {self.cores}")
        for name, budget, minimum in (("RAM", self.ram_bytes, 1), ("flash", self.flash_bytes, 0)):
            if budget is not None and budget < minimum:
                raise UserError(f"a {name} budget is {minimum} bytes or more, got {budget}")

    @property
    def arguments(self) -> str:
        """The options of `edgeblur export` that lead here, for the comment on top of files; and for which core."""
        ram = f" --ram {self.ram_bytes}" if self.ram_bytes is not None else ""
        chosen = self.optimize != "size"
        flash = f" --flash {self.flash_bytes}" if self.flash_bytes is not None and chosen else ""
        kernels = f" (kernels for {self.core})" if self.core is not None and chosen else ""
        cores = f" --cores {self.cores}" if self.cores > 1 else ""
        return f" --engine stream --optimize {self.optimize}{ram}{flash}{cores}{kernels}"


def written(optimize: str) -> str:
    """How C is written for an aim: one of `emit.OPTIMIZE`."""
    return "size" if optimize == "size" else "speed"
