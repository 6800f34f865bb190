"""A board at a serial port beside the host: pictures through a net, or frames of a camera's size through a veil."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import Finder
from edgeblur.export.tflite.graph import ImageModel
from edgeblur.export.tflite.pixels import Raw, from_raw, to_raw
from edgeblur.export.veil.compile import FrameOptions, parse_told, plan_frames
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import Blurrer
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.emulation.result import Comparison
from edgeblur.firmware_harness.engines.engines import Engine, open_engine
from edgeblur.firmware_harness.engines.inputs import Inputs
from edgeblur.firmware_harness.serial.board import SerialBoard
from edgeblur.firmware_harness.serial.frames import BoardInfo, Times, pattern
from edgeblur.models.choose import Chosen
from edgeblur.pictures.images import Pixels, to_bytes
from edgeblur.progress import track

_SEED = 1  # of the picture that the board makes itself


@dataclass(frozen=True, eq=False)
class PictureBench:
    """A board, and the same model on the host."""

    board: SerialBoard
    reference: Engine

    def run_all(self, inputs: Inputs) -> list[tuple[Comparison, Times]]:
        """Pictures through both, one after the other."""
        raws = (to_raw(probe.picture, self.reference.model.input) for probe in inputs.probes)
        return [self.run(raw) for raw in track(raws, "run on the board", inputs.planned)]

    def run(self, raw: Raw) -> tuple[Comparison, Times]:
        """A picture through both."""
        expected = self.reference.run(raw)
        rows = [raw[0, y].tobytes() for y in range(raw.shape[1])]
        height, row_bytes = expected.shape[1], expected[0, 0].nbytes
        finished, times = self.board.run(rows, height, row_bytes)
        return _compared(finished, expected.tobytes()), times

    def run_own(self) -> tuple[bool, Times]:
        """The picture that the board makes itself."""
        tensor = self.reference.model.input.tensor
        size = int(np.prod(tensor.shape))
        raw = np.frombuffer(pattern(_SEED, size), tensor.dtype).reshape(tensor.shape)
        times = self.board.infer(_SEED)
        return times.crc32 == zlib.crc32(self.reference.run(raw).tobytes()), times

    def camera(self) -> tuple[Pixels, Times]:
        """What the board makes of a picture of its own camera."""
        output = self.reference.model.output
        _, height, width, channels = output.tensor.shape
        rows, times = self.board.camera(height, width * channels)
        raw = np.frombuffer(rows, output.tensor.dtype).reshape(output.tensor.shape)
        return to_bytes(from_raw(raw, output)), times


@dataclass(frozen=True, eq=False)
class FrameBench:
    """A board that veils frames of a camera's size, and what its firmware was made from."""

    board: SerialBoard
    finder: Finder
    plan: VeilPlan

    def _reference(self) -> Blurrer:
        return Blurrer(self.plan, run_finder(self.finder, self.plan, "litert-ref"))

    def run_all(self, inputs: Inputs) -> list[tuple[Comparison, Times]]:
        """Frames through both, each after the one before."""
        plan, reference = self.plan, self._reference()
        frames = [plan.pixels.frame_of(probe.picture) for probe in inputs.probes]
        ran = self.board.run_frames([[row.tobytes() for row in each] for each in frames], plan.height, plan.row_bytes)
        expected = (reference.blur(frame).tobytes() for frame in frames)
        return [(_compared(out, right), times) for (out, times), right in zip(ran, expected, strict=True)]

    def run_own(self) -> tuple[bool, Times]:
        """The frame that the board makes itself."""
        size = self.plan.height * self.plan.row_bytes
        frame = np.frombuffer(pattern(_SEED, size), np.uint8).reshape(self.plan.height, -1)
        times = self.board.infer(_SEED)
        return times.crc32 == zlib.crc32(self._reference().blur(frame).tobytes()), times

    def camera(self) -> tuple[Pixels, Times]:
        """A veiled frame of the board's camera as a picture."""
        live = self.plan.hold == "live"
        rows, times = self.board.camera(self.plan.height, self.plan.row_bytes, looked_before=live)
        return self.plan.pixels.picture_of(np.frombuffer(rows, np.uint8).reshape(self.plan.height, -1)), times


def _frame_bench(board: SerialBoard, info: BoardInfo, model: ImageModel, asked: FrameOptions | None) -> FrameBench:
    """The veil that a board's firmware says it has.

    Raises:
        UserError: it is not the one that was asked for, or options that this edgeblur does not know.
    """
    try:
        finder, plan = plan_frames(model.graph, parse_told(info.frames))
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{info.board} veils frames in a way that this edgeblur does not know: {info.frames}"
        ) from error
    if asked is not None:
        own = plan.width, plan.height, plan.pixels.name, plan.hold
        if own != (asked.width, asked.height, asked.pixels, asked.hold):
            raise UserError(
                f"{info.board} veils frames by {info.frames}: give these options, or none, and its own are taken"
            )
    return FrameBench(board, finder, plan)


def _compared(found: bytes, expected: bytes) -> Comparison:
    differing = int((np.frombuffer(found, np.uint8) != np.frombuffer(expected, np.uint8)).sum())
    return Comparison(1, len(found), differing)


def open_bench(
    board: SerialBoard, info: BoardInfo, chosen: Chosen, model: ImageModel, asked: FrameOptions | None
) -> PictureBench | FrameBench:
    """What a board's firmware is compared with.

    Raises:
        UserError: frames were asked for, and it takes pictures of the model's size, or frames of another kind.
    """
    if info.frames:
        return _frame_bench(board, info, model, asked)
    if asked is not None:
        raise UserError(
            f"{info.board} has firmware for pictures of the model's size: write it anew for frames of a camera's size",
            options=("frame",),
        )
    return PictureBench(board, open_engine("litert-ref", chosen.path))
