"""A model that veils frames on an emulated board: built, run, compared byte for byte with the veil's reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames
from edgeblur.export.veil.reference import Blurrer
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.boards.boards import Board, built_by, options_for
from edgeblur.firmware_harness.emulation.build import build, compiler_version, write_project
from edgeblur.firmware_harness.emulation.elf import read_elf, require_elftools
from edgeblur.firmware_harness.emulation.emulator import FirmwareReport, emulate, emulator_of, emulator_version
from edgeblur.firmware_harness.emulation.result import BoardRun, Comparison
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, count, workplace
from edgeblur.firmware_harness.engines.inputs import frame_inputs
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.firmware_harness.shell.room import check_room, with_stack
from edgeblur.models.choose import Chosen
from edgeblur.models.read import read_model
from edgeblur.pictures.images import Pixels


@dataclass(frozen=True, eq=False)
class _FrameRig:
    """A model compiled for frames on a board."""

    board: Board
    frames: CompiledFrames

    def run(self, elf: Path, frames_in: Sequence[Pixels]) -> tuple[list[Pixels], FirmwareReport]:
        """Frames through built firmware, one after the other."""
        plan = self.frames.plan
        size = plan.height * plan.row_bytes
        work = (max(self.frames.compiled.net.macs, 10**6) + 10 * size) * plan.looks
        outputs, report = emulate(
            self.board, elf, [frame.tobytes() for frame in frames_in], output_bytes=size,
            limit_s=60 + len(frames_in) * work * 6e-6,
        )  # fmt: skip
        return [np.frombuffer(output, np.uint8).reshape(plan.height, -1) for output in outputs], report

    def expected(self, frames_in: Sequence[Pixels]) -> list[Pixels]:
        """The same by the reference, with LiteRT's reference kernels as finder."""
        find = Blurrer(self.frames.plan, run_finder(self.frames.finder, self.frames.plan, "litert-ref"))
        return [find.blur(frame) for frame in frames_in]


def run_frames(chosen: Chosen, board: Board, options: EmulatedOptions, frames: FrameOptions) -> BoardRun:
    """Build firmware for an emulated board that veils frames, run it, and compare each byte with the reference.

    Args:
        chosen: an int8 mask head.
        board: from boards.toml.
        options: pictures, aims, what to keep.
        frames: of which size, in which format, held how.

    Raises:
        UserError: no such emulation, missing tools, a model without a mask, or one that does not fit the board.
        RunError: the firmware failed.
    """
    board = built_by(board, options.compiler)
    versions = compiler_version(board.core.toolchain), emulator_version(emulator_of(board))
    require_elftools()
    graph = read_model(chosen.path)
    provenance = Provenance(comment_safe(chosen.title), NAME, graph, options.stream.arguments + frames.told)
    compiled = compile_frames(graph, frames, provenance, options_for(board, options.stream))
    board = with_stack(board, compiled.compiled)
    check_room(chosen.name, compiled, board)
    inputs = frame_inputs((frames.width, frames.height), options.photos, options.random, options.limit)
    frames_in = [compiled.plan.pixels.frame_of(probe.picture) for probe in inputs.probes]
    rig = _FrameRig(board, compiled)
    with workplace(options.keep) as folder:
        project = write_project(folder, compiled.compiled, board, options.stream.optimize, frames=compiled.files)
        plain = build(project)
        traced, linked = build(project, traced=True), read_elf(plain)
        _, again = rig.run(plain, frames_in[:1])
        outputs, report = rig.run(plain, frames_in)
        counts = count(report, again, rig.run(traced, frames_in[:1])[1], compiled.compiled.net, board)
    differing = sum(int((a != b).sum()) for a, b in zip(outputs, rig.expected(frames_in), strict=True))
    return BoardRun(
        model=chosen.name,
        board=board,
        optimize=options.stream.optimize,
        description=inputs.description,
        skipped=tuple(inputs.skipped),
        comparison=Comparison(len(frames_in), sum(output.size for output in outputs), differing),
        counts=counts,
        linked=linked,
        weights_bytes=linked.size_bytes(".model_constants"),
        stack_bytes=report.stack_bytes,
        macs=compiled.compiled.net.macs * compiled.plan.looks,
        compiler=versions[0],
        emulator=versions[1],
        veil=compiled.plan,
    )
