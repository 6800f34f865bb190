"""A model on an emulated board: built, run on pictures, compared byte for byte with the host."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeblur.errors import RunError
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.differences import differences
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import ImageModel, image_model
from edgeblur.export.tflite.pixels import Raw, to_raw
from edgeblur.files import new_folder, refuse_occupied
from edgeblur.firmware_harness.boards.boards import Board, built_by, options_for
from edgeblur.firmware_harness.emulation.build import Project, build, compiler_version, write_project
from edgeblur.firmware_harness.emulation.elf import read_elf, require_elftools
from edgeblur.firmware_harness.emulation.emulator import FirmwareReport, emulate, emulator_of, emulator_version
from edgeblur.firmware_harness.emulation.result import BoardRun, Comparison, Counts, LayerRun
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.inputs import Inputs, pick_inputs
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.firmware_harness.shell.room import check_room, with_stack
from edgeblur.models.choose import Chosen
from edgeblur.models.read import read_inside

_CALIBRATION_LIMIT = 0.01


@dataclass(frozen=True)
class EmulatedOptions:
    """How to run a model on an emulated board.

    Attributes:
        photos: a folder of photos, resized to the model's input.
        random: so many seeded random pictures; `BOARD_PICTURES` if there are no photos either.
        limit: at most so many pictures.
        stream: aim, of the generated C and of the C compiler, and budgets; the core is the board's.
        keep: a new folder for sources, linked files and what was exchanged; without it nothing stays.
        compiler: one of `COMPILERS`.
        tflm: a checkout of TensorFlow Lite Micro, to run the model with that; None for the streaming engine.
    """

    photos: Path | None = None
    random: int | None = None
    limit: int | None = None
    stream: StreamOptions = field(default_factory=StreamOptions)
    keep: Path | None = None
    compiler: str = "gcc"
    tflm: Path | None = None

    def inputs(self, model: ImageModel) -> Inputs:
        """The pictures.

        Raises:
            UserError: two kinds of pictures, or no photo there.
        """
        return pick_inputs(model, self.photos, self.random, self.limit)


@contextlib.contextmanager
def workplace(keep: Path | None) -> Iterator[Path]:
    """A folder that is gone after the block, or kept whole where the user wants it."""
    if keep is not None:
        refuse_occupied(keep)
        with new_folder(keep) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        yield Path(name)


def counted(report: FirmwareReport, again: FirmwareReport, board: Board) -> Counts:
    """Instructions or cycles from the ticks of two runs, without layers.

    Raises:
        RunError: the board's timer is off.
    """
    emulator = emulator_of(board)
    per_tick = emulator.instructions_per_tick or 1.0
    error = report.calibration_ticks * per_tick / (emulator.calibration_cycles or report.calibration_instructions) - 1
    if abs(error) > _CALIBRATION_LIMIT:
        raise RunError(
            f"the timer of {board.name} is off by {error:+.1%} for a loop of known length: "
            f"this emulator does not count {emulator.counts} as ours did"
        )
    frames = tuple(round(ticks * per_tick) for ticks in report.frame_ticks)
    return Counts(emulator.counts, frames, report.frame_ticks[0] == again.frame_ticks[0], (), error)


def count(report: FirmwareReport, again: FirmwareReport, traced: FirmwareReport, net: Net, board: Board) -> Counts:
    """The same with layers, from a third run.

    Raises:
        RunError: the board's timer is off.
    """
    per_tick = emulator_of(board).instructions_per_tick or 1.0
    layers = tuple(
        LayerRun(
            name=node.name,
            op=node.operation.label,
            kernel=node.operation.kernel,
            macs=net.row_macs(node) * node.plane.height,
            count=round(ticks * per_tick),
        )
        for node, ticks in zip(net.nodes, traced.node_ticks, strict=True)
        if node.operation
    )
    return replace(counted(report, again, board), layers=layers)


def compare(chosen: Chosen, raws: Sequence[Raw], outputs: Sequence[tuple[Raw, ...]]) -> Comparison:
    """What a board gave beside what LiteRT's reference kernels give."""
    reference = open_engine("litert-ref", chosen.path, several=True)
    wanted = [one for raw in raws for one in reference.run_all(raw)]
    given = [one for picture in outputs for one in picture]
    differing = sum(int((one != other).sum()) for one, other in zip(wanted, given, strict=True))
    return Comparison(len(raws), sum(one.nbytes for one in given), differing)


def told_apart(compiled: Compiled, model: ImageModel, finished: bytes) -> tuple[Raw, ...]:
    """The outputs in what firmware gave for a picture: all rows one after the other, as they were finished."""
    rows: dict[int, list[bytes]] = {n: [] for n in compiled.net.outputs}
    at = 0
    for step in compiled.schedule.steps:
        if step.node in rows:
            size = compiled.net.nodes[step.node].plane.row_bytes
            rows[step.node].append(finished[at : at + size])
            at += size
    tensors = [end.tensor for end in model.outputs]
    pairs = zip(rows.values(), tensors, strict=True)
    return tuple(np.frombuffer(b"".join(own), tensor.dtype).reshape(tensor.shape) for own, tensor in pairs)


@dataclass(frozen=True, eq=False)
class Rig:
    """A model compiled for an emulated board, and pictures for it.

    Attributes:
        chosen: the model.
        board: an emulated one.
        optimize: `size` or `speed`.
        model: its ends as pictures.
        compiled: its C.
        inputs: the pictures.
        compiler, emulator: what they say about themselves.
    """

    chosen: Chosen
    board: Board
    optimize: str
    model: ImageModel
    compiled: Compiled
    inputs: Inputs
    compiler: str
    emulator: str

    def _run(self, elf: Path, raws: Sequence[Raw]) -> tuple[list[tuple[Raw, ...]], FirmwareReport]:
        """Pictures through built firmware, in the model's own numbers, output by output."""
        # Ten times what 60 instructions a multiply-accumulate take at 100 million a second; and a minute to start.
        limit_s = 60 + len(raws) * max(self.compiled.net.macs, 10**6) * 6e-6
        tensors = [end.tensor for end in self.model.outputs]
        size = sum(tensor.elements * np.dtype(tensor.dtype).itemsize for tensor in tensors)
        inputs = [raw.tobytes() for raw in raws]
        outputs, report = emulate(self.board, elf, inputs, output_bytes=size, limit_s=limit_s)
        return [told_apart(self.compiled, self.model, output) for output in outputs], report

    def _first(self, elf: Path, raw: Raw) -> int:
        """What a picture takes, in the emulator's unit."""
        report = self._run(elf, [raw])[1]
        return round(report.frame_ticks[0] * (emulator_of(self.board).instructions_per_tick or 1.0))

    def measure(self, project: Project, plain: Path, alone: tuple[Rig, Path] | None = None) -> BoardRun:
        """Run the pictures, and compare what comes out with the host's.

        Three runs: all pictures; the first one again, which must take as many instructions; and the first one by
        firmware that counts layer by layer.

        Args:
            project: this model for this board.
            plain: what it was built to.
            alone: the same for one of two cores, and what it was built to.

        Raises:
            RunError: the firmware failed, or the board's timer is off.
        """
        traced, linked = build(project, traced=True), read_elf(plain)
        raws = [to_raw(probe.picture, self.model.input) for probe in self.inputs.probes]
        _, again = self._run(plain, raws[:1])
        outputs, report = self._run(plain, raws)
        one_core = alone[0]._first(alone[1], raws[0]) if alone else None
        counts = count(report, again, self._run(traced, raws[:1])[1], self.compiled.net, self.board)
        return BoardRun(
            model=self.chosen.name,
            board=self.board,
            optimize=self.optimize,
            description=self.inputs.description,
            skipped=tuple(self.inputs.skipped),
            comparison=compare(self.chosen, raws, outputs),
            counts=counts,
            linked=linked,
            weights_bytes=linked.size_bytes(".model_constants"),
            stack_bytes=report.stack_bytes,
            macs=self.compiled.net.macs,
            compiler=self.compiler,
            emulator=self.emulator,
            cores=self.compiled.net.cores,
            one_core=one_core,
            second_stack_bytes=report.second_stack_bytes,
            meant=differences(self.model.graph),
        )


def compile_model(chosen: Chosen, options: EmulatedOptions, board: Board) -> tuple[ImageModel, Compiled]:
    """A model's ends as pictures, and its C with the kernels that suit a board.

    Raises:
        UserError: it cannot be streamed.
    """
    model = image_model(read_inside(chosen.path).graph, several=True)
    provenance = Provenance(comment_safe(chosen.title), NAME, model.graph, options.stream.arguments)
    return model, compile_stream(model.graph, provenance, options_for(board, options.stream))


def prepare(chosen: Chosen, board: Board, options: EmulatedOptions, model: ImageModel, compiled: Compiled) -> Rig:
    """Make sure that a compiled model fits an emulated board, and pick pictures; nothing is built yet.

    Raises:
        UserError: no such emulation, missing tools, or not enough memory.
    """
    versions = compiler_version(board.core.toolchain), emulator_version(emulator_of(board))
    require_elftools()
    board = with_stack(board, compiled)
    check_room(chosen.name, compiled, board)
    return Rig(chosen, board, options.stream.optimize, model, compiled, options.inputs(model), *versions)


def run_emulated(chosen: Chosen, board: Board, options: EmulatedOptions) -> BoardRun:
    """Build firmware for an emulated board, run a model there on pictures, and compare each byte with the host's.

    Args:
        chosen: an int8 model.
        board: from boards.toml.
        options: pictures, aims, what to keep.

    Raises:
        UserError: no such emulation, missing tools, a model that cannot be streamed or does not fit the board.
        RunError: the firmware failed.
    """
    board = built_by(board, options.compiler)
    compiler_version(board.core.toolchain), emulator_version(emulator_of(board))  # what is missing is reported at once
    rig = prepare(chosen, board, options, *compile_model(chosen, options, board))
    with workplace(options.keep) as folder:
        project = write_project(folder, rig.compiled, rig.board, options.stream.optimize)
        plain = build(project)
        return rig.measure(project, plain, _alone(rig, options, folder) if options.stream.cores == 2 else None)


def _alone(rig: Rig, options: EmulatedOptions, folder: Path) -> tuple[Rig, Path]:
    """The same for one core, built."""
    folder /= "one_core"
    options = replace(options, stream=replace(options.stream, cores=1))
    alone = replace(rig, compiled=compile_model(rig.chosen, options, rig.board)[1])
    folder.mkdir()
    return alone, build(write_project(folder, alone.compiled, alone.board, options.stream.optimize))
