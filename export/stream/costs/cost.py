"""How many instructions a layer and a frame will take: what a layer does, times what that was counted to cost.

The prices in costs.json were fitted to counted instructions of emulated cores, by `make costs`; docs/cost-model.md
tells how, and how far they are off.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.stream.costs.work import DIRECT, is_counted, layer_work, layers
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Net
from edgeblur.records import read_record

PATH = Path(__file__).with_name("costs.json")
"""Written by bench/fit_costs.py."""

DEFAULT_CORE = "cortex-m4f"
"""Whose instructions are told where no board is named: flash is told for it as well."""

HELIUM_CORES = frozenset({"cortex-m55"})
"""Cores with vectors, for which kernels count other units."""

INNER_UNITS = frozenset({"conv_2d.words", "conv_2d_winograd.words"})
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
        return self.core in HELIUM_CORES

    @property
    def off(self) -> float:
        """The largest miss of those frames."""
        return max(map(abs, self.held_out.values()))

    @functools.cached_property
    def _kernels(self) -> frozenset[str]:
        return frozenset(unit.partition(".")[0] for unit in self.units)

    def know(self, work: Work) -> bool:
        """Whether something like all this work was counted."""
        return all(unit.partition(".")[0] in self._kernels for unit in work)

    def of(self, work: Work) -> float:
        """The instructions of some work; a unit that never cost anything is free."""
        return sum(self.units.get(unit, 0.0) * amount for unit, amount in work.items())

    def cycles(self, work: Work) -> float | None:
        """The cycles of some work, estimated, without wait states; None where nothing is known of them."""
        if self.cycle_units is not None:
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
    counted = _SAME_CODE.get(core, core)
    stored = _cores().get(counted)
    return stored.prices(counted, "size" if optimize == "size" else "speed") if stored else None


def _require_prices(core: str, optimize: str) -> Prices:
    found = prices(core, optimize)
    if found is None:
        known = ", ".join(_cores())
        raise UserError(f"no instructions were counted on the core {core!r} for {optimize!r}; on {known} they were")
    return found


def instructions(layer: Layer, kernel: str = DIRECT, core: str = DEFAULT_CORE, *, optimize: str = "speed") -> float:
    """Predict the instructions that a layer takes in a frame.

    Args:
        layer: of `work.layers(net)`, or `work.layer_of(net, node)`.
        kernel: `direct` for the one that its operation names, or `conv_2d_winograd` where that could do the same.
        core: a key of boards.toml, counted or running the code of one that was.
        optimize: `size` or `speed`.

    Raises:
        UserError: no such kernel, or it was not counted on that core.
    """
    known = _require_prices(core, optimize)
    work = layer_work(layer, kernel, helium=known.helium)
    if not known.know(work):
        name = layer.operation.kernel if kernel == DIRECT else kernel
        raise UserError(
            f"the kernel {name!r} was not counted on {core} for {optimize!r}: run `make probes` and `make costs`"
        )
    return known.of(work)


def frame_work(net: Net) -> dict[str, float]:
    """What the engine does between layers in a frame: row steps, and bytes of the picture taken in."""
    picture = net.nodes[0].plane
    steps = sum(node.plane.height for node in net.nodes)
    return {"frame.steps": float(steps), "frame.bytes": float(picture.height * picture.row_bytes)}


def layer_instructions(net: Net, core: str, *, optimize: str = "speed") -> dict[int, float]:
    """Predict each layer of a net, by node.

    Raises:
        UserError: nothing was counted on that core.
    """
    return {n: instructions(layer, DIRECT, core, optimize=optimize) for n, layer in layers(net).items()}


@dataclass(frozen=True)
class FrameCost:
    """What a frame is predicted to take.

    Attributes:
        prices: that it was computed from.
        instructions: executed.
        cycles: estimated, without wait states; None where nothing is known of them.
    """

    prices: Prices
    instructions: int
    cycles: int | None


def frame_cost(net: Net, core: str, *, optimize: str = "speed") -> FrameCost | None:
    """Predict a frame: all layers, and what the engine takes between them.

    Returns:
        None if nothing was counted on that core, or a kernel of the net was not.
    """
    known = prices(core, optimize)
    found = list(layers(net).values())
    if known is None or not all(map(is_counted, found)):
        return None
    works = [frame_work(net), *(layer_work(layer, helium=known.helium) for layer in found)]
    if not all(map(known.know, works)):
        return None
    cycles = [cost for work in works if (cost := known.cycles(work)) is not None]
    return FrameCost(known, round(sum(map(known.of, works))), round(sum(cycles)) if cycles else None)


def frame_instructions(net: Net, core: str, *, optimize: str = "speed") -> float:
    """Predict the instructions of a frame.

    Raises:
        UserError: nothing was counted on that core.
    """
    known = _require_prices(core, optimize)
    return sum(layer_instructions(net, core, optimize=optimize).values()) + known.of(frame_work(net))
