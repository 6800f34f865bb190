"""TensorFlow Lite Micro in the same firmware, so that both engines can be compared on the same board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, c_array
from edgeblur.export.tflite.graph import ImageModel, image_model, read_file
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.export.tflm.ops import missing_kernels, tflm_header
from edgeblur.files import behind_links
from edgeblur.firmware_harness.boards.boards import Board, boards
from edgeblur.firmware_harness.shell.model import NAME, Engine, FirmwareModel, safe_name
from edgeblur.firmware_harness.shell.room import no_room
from edgeblur.models.read import read_model

_BYTES = ("int8", "uint8")

STACK_BYTES = 8192
"""Reserved for it: its kernels call deep and keep arrays there."""

HEADER = Path("tensorflow/lite/micro/micro_interpreter.h")
"""By which a tree of TensorFlow Lite Micro is known."""

ARCHIVE = "libtensorflow-microlite.a"
"""What its Makefile builds, in gen/TARGET_ARCH_.../lib."""

MAKEFILE = Path("tensorflow/lite/micro/tools/make/Makefile")

_DOWNLOADS = MAKEFILE.parent / "downloads"
_DOWNLOADED = ("flatbuffers/include", "gemmlowp", "ruy")

TARGET_ARCHS = {
    "cortex-m0": "cortex-m0",
    "cortex-m0plus": "cortex-m0plus",
    "cortex-m3": "cortex-m3",
    "cortex-m4f": "cortex-m4+fp",
    "cortex-m7": "cortex-m7+fp",
    "cortex-m33": "cortex-m33",
    "cortex-m55": "cortex-m55",
}
"""By core: what its Makefile calls it (targets/cortex_m_generic_makefile.inc)."""


@dataclass(frozen=True)
class Library:
    """A C++ library that firmware is linked with: the archive, and what sources that use it are compiled with."""

    archive: Path
    flags: tuple[str, ...]


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
    return behind_links(path)


def find_library(path: Path, board: Board) -> Library:
    """TensorFlow Lite Micro as its own Makefile built it for a board's core.

    Args:
        path: a checkout.
        board: an emulated one.

    Raises:
        UserError: it is no checkout, has no library for this core, or several, or its Makefile does not know the core.
    """
    tree, core = find_tflm(path), board.core
    if (arch := TARGET_ARCHS.get(core.name)) is None:
        raise UserError(f"TensorFlow Lite Micro's Makefile does not know the {core.title}: take {_other_boards()}")
    found = sorted(tree.glob(f"gen/cortex_m_generic_{arch}_*/lib/{ARCHIVE}"))
    if not found:
        raise UserError(
            f"{tree} has no library for the {core.title} yet: run there `make -f {MAKEFILE} TARGET=cortex_m_generic "
            f"TARGET_ARCH={arch} OPTIMIZED_KERNEL_DIR=cmsis_nn microlite`"
        )
    if len(found) > 1:
        several = " and ".join(file.parts[-3] for file in found)
        raise UserError(f"{tree / 'gen'} has several libraries for the {core.title}: keep one of {several}")
    places = (tree, tree / _DOWNLOADS, *(tree / _DOWNLOADS / name for name in _DOWNLOADED))
    includes = tuple(flag for place in places for flag in ("-isystem", str(place)))
    return Library(found[0], ("-DTF_LITE_STATIC_MEMORY", *includes))


def _other_boards() -> str:
    return ", ".join(board.name for board in boards() if board.emulator and board.core.name in TARGET_ARCHS)


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
