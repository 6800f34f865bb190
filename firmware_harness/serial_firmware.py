"""Firmware that serves a model over a serial line: what all boards' have in common."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.write import told_options
from edgeblur.export.tflite import ImageModel, image_model, read_tflite
from edgeblur.files import write_text
from edgeblur.firmware_harness.build import NAME

ENGINE_SOURCES = (f"{NAME}.c", "engine_stream.c", "protocol.c")
"""C files that every firmware has; what is left to it is a `main`, a camera_row, and what platform.h declares."""

ENGINE_HEADERS = ("engine.h", "protocol.h", "camera.h", "platform.h")

CAMERA = "camera.c"
"""The hook that a user fills in: it lies where his own files do."""

_LONGEST_NAME = 63
_DIGEST_BYTES_A_LINE = 16


@dataclass(frozen=True, eq=False)
class FirmwareModel:
    """A model that firmware is made around.

    Attributes:
        name: the file's, as comments and firmware tell it.
        model: both its ends, and its graph.
        compiled: its C, with the prefix `NAME`.
        provenance: what generated files say about their origin.
        optimize: `size` or `speed`.
    """

    name: str
    model: ImageModel
    compiled: Compiled
    provenance: Provenance
    optimize: str


def firmware_model(path: Path, *, optimize: str = "size", ram_bytes: int | None = None) -> FirmwareModel:
    """Compile a .tflite for firmware.

    Args:
        path: an int8 model.
        optimize: `size` or `speed`.
        ram_bytes: as `compile_stream` takes it.

    Raises:
        UserError: it cannot be read, streamed, or brought into so many bytes.
    """
    model = image_model(read_tflite(path))
    name = comment_safe(path.name)[:_LONGEST_NAME]
    provenance = Provenance(name, NAME, model.graph, told_options(optimize, ram_bytes))
    compiled = compile_stream(model.graph, provenance, optimize=optimize, ram_bytes=ram_bytes)
    return FirmwareModel(name, model, compiled, provenance, optimize)


def firmware_files() -> Traversable:
    """The folder of C files and templates."""
    return resources.files("edgeblur.firmware_harness") / "firmware"


def fill_in(template: Traversable, **values: Any) -> str:
    """A template of firmware, filled in; a name that is missing is an error."""
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return str(environment.from_string(template.read_text()).render(**values))


def _model_info(model: FirmwareModel, board: str) -> str:
    digest = bytes.fromhex(model.model.graph.sha256)
    lines = [digest[i : i + _DIGEST_BYTES_A_LINE] for i in range(0, len(digest), _DIGEST_BYTES_A_LINE)]
    return fill_in(
        firmware_files() / "model_info.h.j2",
        lines=model.provenance.lines,
        input=model.model.input,
        output=model.model.output,
        ram_bytes=model.compiled.files.state_bytes,
        sha256_lines=[" ".join(f"0x{byte:02x}," for byte in line) for line in lines],
        texts=(model.name, board, "stream", __version__),
    )


def write_engine(folder: Path, model: FirmwareModel, board: str) -> None:
    """Write the model's C and the protocol: `ENGINE_SOURCES`, `ENGINE_HEADERS`, the model's headers.

    Args:
        folder: is made if need be.
        model: from `firmware_model`.
        board: what the firmware calls its board.
    """
    model.compiled.files.write(folder, NAME)
    write_text(folder / "model_info.h", _model_info(model, board))
    copy_firmware(folder, (*(name for name in ENGINE_SOURCES if name != f"{NAME}.c"), *ENGINE_HEADERS))


def copy_firmware(folder: Path, names: tuple[str, ...]) -> None:
    """Write files of `firmware_files` into a folder as they are."""
    for name in names:
        write_text(folder / name, (firmware_files() / name).read_text())
