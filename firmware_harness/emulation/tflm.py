"""A model by TensorFlow Lite Micro on an emulated board: the user's library behind the same engine.h, counted alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.pixels import Raw, to_raw
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.emulation.build import Project, build, compiler_version, write_engine_project
from edgeblur.firmware_harness.emulation.elf import read_elf, require_elftools
from edgeblur.firmware_harness.emulation.emulator import FirmwareReport, emulate, emulator_of, emulator_version
from edgeblur.firmware_harness.emulation.result import BoardRun
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, compare, counted, workplace
from edgeblur.firmware_harness.shell.model import FirmwareModel
from edgeblur.firmware_harness.shell.tflm import STACK_BYTES, find_library, tflm_model
from edgeblur.models.choose import Chosen

_LIBRARY_RAM_BYTES = 32 * 1024
"""Left to the C library and the interpreter where the arena is as large as can be."""

_ARENA_STEP_BYTES = 256
_ARENA_STEPS = 16
"""While it allocates, the library needs a little more than what it has taken at the end: so often it is tried again."""


@dataclass(frozen=True, eq=False)
class _Rig:
    """Firmware with the library, and pictures for it."""

    board: Board
    model: FirmwareModel
    macs: int
    project: Project
    raws: Sequence[Raw]

    def build(self, arena_bytes: int, into: str) -> Path:
        return build(self.project, into=into, defines=(f"-DARENA_BYTES={arena_bytes}",))

    def run(self, elf: Path, raws: Sequence[Raw]) -> tuple[list[Raw], FirmwareReport]:
        """Pictures through built firmware, in the model's own numbers."""
        tensor = self.model.model.output.tensor
        size = int(np.prod(tensor.shape)) * np.dtype(tensor.dtype).itemsize
        limit_s = 60 + len(raws) * max(self.macs, 10**6) * 6e-6
        outputs, report = emulate(
            self.board, elf, [raw.tobytes() for raw in raws], output_bytes=size, limit_s=limit_s
        )  # fmt: skip
        return [np.frombuffer(output, tensor.dtype).reshape(tensor.shape) for output in outputs], report

    def smallest(self) -> Path:
        """Firmware whose arena is hardly larger than needed: a first run in all of the RAM tells what it took."""
        spare = self.board.ram[0].size_bytes - STACK_BYTES - self.model.row_bytes - _LIBRARY_RAM_BYTES
        _, report = self.run(self.build(spare, "roomy"), self.raws[:1])
        for step in range(_ARENA_STEPS):
            elf = self.build(report.ram_bytes + step * _ARENA_STEP_BYTES, f"arena{step}")
            try:
                self.run(elf, self.raws[:1])
            except RunError:
                continue
            return elf
        raise RunError(f"TensorFlow Lite Micro took {report.ram_bytes:,} bytes, and did not run in hardly more")


def run_tflm(chosen: Chosen, board: Board, options: EmulatedOptions) -> BoardRun:
    """Build firmware with the user's TensorFlow Lite Micro for an emulated board, run it, compare it with the host.

    The arena is as small as it runs in, to 256 bytes. Layers are not counted.

    Args:
        chosen: an int8 model.
        board: from boards.toml, with a core that the library was built for.
        options: pictures, aim of the compiler, what to keep, and where the library is.

    Raises:
        UserError: no library, no such emulation, missing tools, or a model that has no kernel or does not fit.
        RunError: the firmware failed.
    """
    assert options.tflm is not None
    if options.compiler != "gcc":
        raise UserError("TensorFlow Lite Micro is linked as gcc built it", options=("compiler",))
    library = find_library(options.tflm, board)
    versions = compiler_version(board.core.toolchain), emulator_version(emulator_of(board))
    require_elftools()
    board = replace(board, stack_bytes=STACK_BYTES)
    model = tflm_model(chosen.path, optimize=options.stream.optimize)
    if model.model.others:
        raise UserError(f"{chosen.name} has several outputs: choose one for TensorFlow Lite Micro", options=("output",))
    inputs = options.inputs(model.model)
    raws = [to_raw(probe.picture, model.model.input) for probe in inputs.probes]
    with workplace(options.keep) as folder:
        project = write_engine_project(folder, model, board, library)
        rig = _Rig(board, model, cost(model.model.graph).macs or 0, project, raws)
        elf = rig.smallest()
        _, again = rig.run(elf, raws[:1])
        outputs, report = rig.run(elf, raws)
        linked = read_elf(elf)
    return BoardRun(
        model=chosen.name,
        board=board,
        optimize=options.stream.optimize,
        description=inputs.description,
        skipped=tuple(inputs.skipped),
        comparison=compare(chosen, raws, [(output,) for output in outputs]),
        counts=counted(report, again, board),
        linked=linked,
        weights_bytes=linked.size_bytes(".model_constants"),
        stack_bytes=report.stack_bytes,
        macs=rig.macs,
        compiler=versions[0],
        emulator=versions[1],
        engine="tflm",
    )
