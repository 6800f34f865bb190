"""Firmware that veils frames of a camera's size: the veil and its finder behind `engine.h`, and a camera's driver."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import image_model
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames
from edgeblur.firmware_harness.shell.model import Engine, FirmwareModel, firmware_files, safe_name
from edgeblur.models.read import read_inside

FRAMES = "frames"
"""Prefix of a veil's C in a project."""

_WHOLE = {
    "esp-idf": ("frames_esp32_camera.c", "frames_esp32_camera.h"),
    "stm32": ("frames_dcmi.c", "frames_dcmi.h"),
}
_ANY = {
    "pico-sdk": ("frames_pio.c", "frames_pio.h"),
    "arduino": ("frames_ov767x.cpp", "frames_ov767x.h"),
    "platformio": ("frames_ov767x.cpp", "frames_ov767x.h"),
}
_GETTING = ("frames_get.h",)
"""What those share that fill a buffer themselves."""


DRIVER_HEADERS = tuple(name for files in (*_WHOLE.values(), *_ANY.values()) for name in files if name.endswith(".h"))
"""What a user's own program includes."""


def camera_drivers(kind: str, hold: str) -> tuple[str, ...]:
    """Files that join a camera's driver with the veil.

    Args:
        kind: of project.
        hold: how frames are held; esp32-camera and DCMI own whole frames.
    """
    whole = hold == "buffer"
    if kind in _ANY:
        return (*_ANY[kind], *_GETTING) if whole else _ANY[kind]
    return _WHOLE.get(kind, ()) if whole else ()


def frames_model(
    path: Path, frames: FrameOptions, options: StreamOptions | None = None, drivers: tuple[str, ...] = ()
) -> FirmwareModel:
    """Compile a model's mask part and the veil for firmware.

    Args:
        path: an int8 mask head.
        frames: of which size, in which format, held how.
        options: as `compile_stream` takes them.
        drivers: from `camera_drivers`.

    Raises:
        UserError: the model has no mask, or veil and finder do not fit.
    """
    model, options = image_model(read_inside(path).graph, several=True), options or StreamOptions()
    provenance = Provenance(safe_name(path), FRAMES, model.graph, options.arguments + frames.told)
    compiled = compile_frames(model.graph, frames, provenance, options)
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as place:
        compiled.files.write(Path(place), FRAMES)
        generated = tuple((file.name, file.read_text()) for file in sorted(Path(place).iterdir()))
    generated += tuple((name, (firmware_files() / name).read_text()) for name in drivers)
    ram_bytes = compiled.files.state_bytes + _held_bytes(compiled)
    engine = Engine("stream", "engine_frames.c", generated, ram_bytes, compiled.files.constant_bytes, compiled.compiled)
    plan, veil = compiled.plan, compiled.plan.options
    told = dataclasses.replace(
        frames, net=(plan.x.net, plan.y.net), margin=veil.margin, share=veil.share, memory=veil.memory
    )
    return FirmwareModel(provenance.source, model, engine, provenance, options.optimize, compiled, told)


def _held_bytes(compiled: CompiledFrames) -> int:
    """What `engine_frames.c` keeps beside the state: a whole frame, a row, or nothing."""
    plan = compiled.plan
    return {"buffer": plan.height * plan.row_bytes, "live": plan.row_bytes, "rows": 0}[plan.hold]
