"""TensorFlow Lite Micro in the same firmware, so that both engines can be compared on the same board."""

from __future__ import annotations

from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, c_array
from edgeblur.export.tflite.graph import ImageModel, image_model, read_file
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.export.tflm.ops import missing_kernels, tflm_header
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.emulation.build import NAME, no_room
from edgeblur.firmware_harness.projects.serial_firmware import Engine, FirmwareModel, safe_name
from edgeblur.models.read import read_model

_BYTES = ("int8", "uint8")

STACK_BYTES = 8192
"""Reserved for it: its kernels call deep and keep arrays there."""

HEADER = Path("tensorflow/lite/micro/micro_interpreter.h")
"""By which a tree of TensorFlow Lite Micro is known."""


def find_tflm(path: Path) -> Path:
    """Check a folder that a user gave as TensorFlow Lite Micro; returns it whole.

    Raises:
        UserError: it is none.
    """
    if not (path / HEADER).is_file():
        raise UserError(
            f"{path} is no TensorFlow Lite Micro (it has no {HEADER}): give a checkout of tflite-micro, or a tree that "
            "its create_tflm_tree.py made"
        )
    return path.resolve()


def _check(model: ImageModel, name: str) -> None:
    """Refuse what the firmware's rows of bytes cannot carry, and what has no kernel."""
    for end in (model.input, model.output):
        if end.tensor.dtype not in _BYTES:
            raise UserError(f"{name} takes or gives {end.tensor.dtype}, not bytes: quantize it to int8 first")
    if missing := missing_kernels(model.graph):
        raise UserError(f"TensorFlow Lite Micro has no kernel for {', '.join(missing)} of {name}: change the model")


def tflm_model(path: Path, *, optimize: str = "size") -> FirmwareModel:
    """A .tflite for firmware with TensorFlow Lite Micro: an array of it, its ops, its arena if that can be measured.

    Args:
        path: an int8 model.
        optimize: at which level the compiler optimizes.

    Raises:
        UserError: it cannot be read, has an op without a kernel, or takes other things than bytes.
    """
    data, model = read_file(path), image_model(read_model(path))
    provenance = Provenance(safe_name(path), NAME, model.graph)
    _check(model, provenance.source)
    arena: Arena = record_arena(data)
    array = c_array(data, provenance)
    generated = (
        (f"{NAME}.c", array.source),
        (f"{NAME}.h", array.header),
        (f"{NAME}_tflm.h", tflm_header(provenance, arena)),
    )
    engine = Engine("tflm", "engine_tflm.cc", generated, arena.bytes, len(data))
    return FirmwareModel(provenance.source, model, engine, provenance, optimize)


def check_tflm_room(model: FirmwareModel, board: Board) -> None:
    """Refuse a model whose arena cannot fit a board; what is not known is not refused.

    Raises:
        UserError: RAM or flash is too small; the sentence says by how many bytes.
    """
    engine = model.engine
    needed = (engine.ram_bytes or 0) + model.row_bytes + STACK_BYTES
    if (missing := needed - board.ram[0].size_bytes) > 0:
        raise no_room(model.name, board, "RAM", f"TensorFlow Lite Micro needs {needed:,} bytes with its stack", missing)
    if board.flash and (missing := engine.constant_bytes - board.flash.size_bytes) > 0:
        raise no_room(model.name, board, "flash", f"it takes {engine.constant_bytes:,} bytes", missing)
