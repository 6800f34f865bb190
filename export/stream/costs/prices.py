"""What units of work cost on a core: the prices of costs.json, without the nets that do the work.

They were fitted to counted instructions of emulated cores, by `make costs`; docs/cost-model.md tells how, and how far
they are off.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeblur.records import read_record

PATH = Path(__file__).with_name("costs.json")
"""Written by bench/fit_costs.py."""

DEFAULT_CORE = "cortex-m4f"
"""Whose instructions are told where no board is named: flash is told for it as well."""

HELIUM_CORES = frozenset({"cortex-m55"})
"""Cores with vectors, for which kernels count other units."""

INNER_UNITS = frozenset({"conv_2d.words", "conv_2d_int16.words", "conv_2d_winograd.words"})
"""What the innermost loop does; its cycles are counted apart, for there the mix of instructions is another."""

_SAME_CODE = {"cortex-m0": "cortex-m0plus", "rv32imc": "rv32imac", "rv32imafc": "rv32imac"}
"""Cores that were not counted, and those that were and run the same instructions: what the names differ by (atomics,
floating point) int8 kernels do not use."""


@dataclass(frozen=True)
class Prices:
    """What units of work cost on a core, in executed instructions.

    Attributes:
        core: that was counted, its key in boards.toml.
        optimize: `size` or `speed`: of the generated C and of the C compiler.
        compiler: what made the code that was counted.
        units: by `KERNEL.UNIT`; `frame.steps` and `frame.bytes` are what the engine takes between layers.
        held_out: predicted less counted, as a share of counted, of frames that prices were not fitted to; by model.
        inner_cycles: an instruction of the innermost loop of convolutions, estimated; None where that is unknown.
        other_cycles: of other code.
        cycle_units: as `units`, in cycles, where layers were counted so; they are taken before the two shares.
    """

    core: str
    optimize: str
    compiler: str
    units: Mapping[str, float]
    held_out: Mapping[str, float]
    inner_cycles: float | None
    other_cycles: float | None
    cycle_units: Mapping[str, float] | None = None

    @property
    def helium(self) -> bool:
        """Whether kernels count what they do in vectors."""
        return has_vectors(self.core)

    @property
    def off(self) -> float:
        """The largest miss of those frames."""
        return max(map(abs, self.held_out.values()))

    @functools.cached_property
    def _cycle_kernels(self) -> frozenset[str]:
        return frozenset(unit.partition(".")[0] for unit in self.cycle_units or ())

    @functools.cached_property
    def _kernels(self) -> frozenset[str]:
        return frozenset(unit.partition(".")[0] for unit in self.units)

    def know(self, work: Mapping[str, float]) -> bool:
        """Whether something like all this work was counted."""
        return all(unit.partition(".")[0] in self._kernels for unit in work)

    def of(self, work: Mapping[str, float]) -> float:
        """The instructions of some work; a unit that never cost anything is free."""
        return sum(self.units.get(unit, 0.0) * amount for unit, amount in work.items())

    def cycles(self, work: Mapping[str, float]) -> float | None:
        """The cycles of some work, estimated, without wait states; None where nothing is known of them."""
        if self.cycle_units is not None:
            if not all(unit.partition(".")[0] in self._cycle_kernels for unit in work):
                return None
            return sum(self.cycle_units.get(unit, 0.0) * amount for unit, amount in work.items())
        if self.inner_cycles is None or self.other_cycles is None:
            return None
        inner = self.of({unit: amount for unit, amount in work.items() if unit in INNER_UNITS})
        return inner * self.inner_cycles + (self.of(work) - inner) * self.other_cycles


@dataclass(frozen=True)
class _Cycles:
    """Cycles of an instruction, in the innermost loop of convolutions (there counted apart, or with the rest)."""

    other: float | None = None
    inner: float | None = None


@dataclass(frozen=True)
class _CountedCycles:
    """Cycles that units of work cost, fitted to those that an emulated chip counts."""

    frame_errors: Mapping[str, float]
    held_out: Mapping[str, float]
    units: Mapping[str, float]


@dataclass(frozen=True)
class _Fitted:
    """Prices for an aim, and how well they were fitted."""

    layers: int
    layer_error_median: float
    layer_error_most: float
    frame_errors: Mapping[str, float]
    held_out: Mapping[str, float]
    units: Mapping[str, float]
    cycles_an_instruction: _Cycles = _Cycles()
    counted_cycles: _CountedCycles | None = None


@dataclass(frozen=True)
class _StoredCore:
    """A core as costs.json has it."""

    board: str
    compiler: str
    emulator: str
    size: _Fitted
    speed: _Fitted

    def prices(self, core: str, optimize: str) -> Prices:
        fitted = self.size if optimize == "size" else self.speed
        cycles = fitted.cycles_an_instruction
        inner = cycles.other if cycles.inner is None else cycles.inner  # inlined, it is counted with the rest
        counted = fitted.counted_cycles.units if fitted.counted_cycles else None
        return Prices(core, optimize, self.compiler, fitted.units, fitted.held_out, inner, cycles.other, counted)


@dataclass(frozen=True)
class _Stored:
    """costs.json."""

    made_by: str
    cores: Mapping[str, _StoredCore]


@functools.cache
def _cores() -> Mapping[str, _StoredCore]:
    return read_record(PATH, _Stored).cores


def prices(core: str, optimize: str = "speed") -> Prices | None:
    """What work costs on a core; None for one that was not counted, nor one that runs its code."""
    counted = counted_as(core)
    stored = _cores().get(counted)
    return stored.prices(counted, "size" if optimize == "size" else "speed") if stored else None


HANDOVERS = "frame.handovers"
"""The unit of rows that two cores make together."""

HANDOVER = {"size": (1_100, 1_700), "speed": (300, 470)}
"""Instructions and cycles that such a row takes more, by aim: asking, waiting, row pointers found twice; for `size`
also that a kernel which one layer alone took is no longer compiled for that layer. As mask4 and mask8 took in
rp2040js."""


@dataclass(frozen=True)
class FrameCost:
    """What a frame is predicted to take.

    Attributes:
        prices: that it was computed from.
        instructions: executed; of two cores those of the busier one, with what it waits for the other.
        cycles: estimated, without wait states; None where nothing is known of them.
        speedup: of two cores over one; None for one.
    """

    prices: Prices
    instructions: int
    cycles: int | None
    speedup: float | None = None

    def beside(self, alone: FrameCost | None) -> FrameCost:
        """The same of two cores, which are so many times as fast as one."""
        if alone is None:
            return self
        if self.cycles is None or alone.cycles is None:
            return replace(self, speedup=alone.instructions / self.instructions)
        return replace(self, speedup=alone.cycles / self.cycles)


def counted_as(core: str) -> str:
    """The core whose counts hold for another one, as it runs the same instructions; else the core itself."""
    return _SAME_CODE.get(core, core)


def counted_cores() -> tuple[str, ...]:
    """The cores on which work was counted."""
    return tuple(_cores())


def has_vectors(core: str) -> bool:
    """Whether kernels count what they do on a core in vectors."""
    return core in HELIUM_CORES


def price_frame(work: Mapping[str, float], core: str, *, optimize: str = "speed") -> FrameCost | None:
    """Predict a frame from all its work.

    Args:
        work: of all layers, and of the engine between them; on `HELIUM_CORES` counted in vectors.
        core: a key of boards.toml.
        optimize: `size`, `balanced` or `speed`.

    Returns:
        None if nothing was counted on that core, or not such work.
    """
    known = prices(core, optimize)
    if known is None or not known.know(work):
        return None
    cycles, handovers = known.cycles(work), work.get(HANDOVERS, 0.0)
    more = [handovers * each for each in HANDOVER[known.optimize]]
    return FrameCost(known, round(known.of(work) + more[0]), None if cycles is None else round(cycles + more[1]))
