"""How much flash a model's compiled code will take, estimated from code that was measured on emulated boards."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeblur.export.stream.options import written
from edgeblur.firmware_harness.boards.boards import Core
from edgeblur.records import read_record

PATH = Path(__file__).with_name("code_sizes.json")
"""Written by bench/measure_code_sizes.py."""


@dataclass(frozen=True)
class KernelSize:
    """What a kernel takes once, and each layer of it on top."""

    bytes: int
    layer_bytes: int


@dataclass(frozen=True)
class CodeSizes:
    """Code for one core and aim, as measured.

    Attributes:
        core: its key in boards.toml.
        board: the emulated board that it was measured on.
        compiler: what it says about itself.
        runtime_bytes: start-up code, transport and what is linked of the C library.
        stack_bytes: at the deepest moment, painted, of a U-Net and of a net of all kernels.
        engine_bytes: of the model's code, what every model has.
        kernels: by name.
        least_share, most_share: what the code of U-Nets and of a net of all kernels, from which the table was not
            made, really took, as a share of the estimate.
    """

    core: str
    board: str
    compiler: str
    runtime_bytes: int
    stack_bytes: int
    engine_bytes: int
    kernels: Mapping[str, KernelSize]
    least_share: float
    most_share: float

    def code_bytes(self, kernels: Mapping[str, int]) -> int:
        """The estimate for so many layers of each kernel; one that was not measured counts as the largest."""
        largest = max(self.kernels.values(), key=lambda kernel: kernel.bytes + kernel.layer_bytes)
        sizes = [(self.kernels.get(name, largest), count) for name, count in kernels.items()]
        return self.engine_bytes + sum(size.bytes + count * size.layer_bytes for size, count in sizes)


@dataclass(frozen=True)
class _Counted:
    """What was measured for an aim; see `CodeSizes`."""

    runtime_bytes: int
    stack_bytes: int
    engine_bytes: int
    kernels: Mapping[str, KernelSize]
    least_share: float
    most_share: float


@dataclass(frozen=True)
class _StoredCore:
    """A core as code_sizes.json has it."""

    board: str
    compiler: str
    size: _Counted
    speed: _Counted

    def sizes(self, core: str, optimize: str) -> CodeSizes:
        return CodeSizes(core, self.board, self.compiler, **vars(self.size if optimize == "size" else self.speed))


@dataclass(frozen=True)
class _Stored:
    """code_sizes.json."""

    made_by: str
    cores: Mapping[str, _StoredCore]


@functools.cache
def _stored() -> _Stored:
    return read_record(PATH, _Stored)


@functools.cache
def measured_sizes(optimize: str) -> tuple[CodeSizes, ...]:
    """Of all cores that were measured.

    Args:
        optimize: `size`, `balanced` or `speed`.
    """
    return tuple(stored.sizes(core, written(optimize)) for core, stored in _stored().cores.items())


@dataclass(frozen=True)
class CodeEstimate:
    """Flash that code will take.

    Attributes:
        code_bytes: of the model.
        runtime_bytes: of everything else in our firmware.
        sizes: what it was estimated from.
        own: the core itself was measured; else the measured one that takes most stands for it.
    """

    code_bytes: int
    runtime_bytes: int
    sizes: CodeSizes
    own: bool


def estimate_code(kernels: Mapping[str, int], core: Core, optimize: str) -> CodeEstimate:
    """Estimate the code of a net.

    A core that was not measured is taken for the one that takes most: of those with its compiler, or of all.

    Args:
        kernels: how many layers take each, those that are made twice too.
        core: of the board.
        optimize: `size`, `balanced` or `speed`.
    """
    known = measured_sizes(optimize)
    own = [sizes for sizes in known if sizes.core == core.name]
    kin = [sizes for sizes in known if sizes.compiler.partition(" ")[0] == core.toolchain.compiler]
    sizes = max(own or kin or known, key=lambda sizes: sizes.code_bytes(kernels))
    return CodeEstimate(sizes.code_bytes(kernels), sizes.runtime_bytes, sizes, bool(own))
