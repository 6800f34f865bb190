"""What `edgeblur fit --json` says of a model on a board, as records: bytes are exact or estimated as tables say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from edgeblur.records import Record

if TYPE_CHECKING:
    from edgeblur.export.tflite.outputs import Output
    from edgeblur.export.veil.plan import PlanFacts


@dataclass(frozen=True)
class EngineFigures(Record):
    """What one engine takes; without flash, code and constants are in the RAM.

    Attributes:
        verdict: `fits`, `tight` or `no`.
        ram_bytes, ram_available_bytes: taken, and of the region `ram_region`.
        ram_missing_bytes: what the region lacks; None where it suffices.
        ram_parts: bytes of what takes them, by name.
        flash_bytes, flash_available_bytes, flash_region, flash_missing_bytes, flash_parts: the same of the flash.
    """

    verdict: str
    ram_bytes: int
    ram_available_bytes: int
    ram_region: str
    ram_missing_bytes: int | None
    ram_parts: Mapping[str, int]
    flash_bytes: int | None = None
    flash_available_bytes: int | None = None
    flash_region: str | None = None
    flash_missing_bytes: int | None = None
    flash_parts: Mapping[str, int] | None = None


@dataclass(frozen=True)
class FitFigures(Record):
    """A model on a board; what is unknown is absent.

    Attributes:
        model, board, core: their names.
        veiled: the frame's plan, where frames are veiled.
        outputs: if there are several.
        optimize: the aim.
        stream: RAM and flash of the streaming engine.
        stream_unknown: why it cannot run the model.
        predicted_instructions: of a frame.
        cores, predicted_speedup: of two that make it together.
        estimated_cycles, estimated_ms, clock_hz: of a frame, without wait states.
        tflm: RAM and flash of TensorFlow Lite Micro.
        tflm_unknown: why its needs are not known.
    """

    FLAT: ClassVar = ("veiled", "stream")
    DIGITS: ClassVar = {"predicted_speedup": 3, "estimated_ms": 3}

    model: str
    board: str
    core: str
    veiled: PlanFacts | None
    outputs: tuple[Output, ...] | None
    optimize: str
    stream: EngineFigures | None
    stream_unknown: str | None
    predicted_instructions: int | None
    cores: int | None
    predicted_speedup: float | None
    estimated_cycles: int | None
    estimated_ms: float | None
    clock_hz: int | None
    tflm: EngineFigures | None
    tflm_unknown: str | None
