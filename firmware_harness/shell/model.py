"""A model behind engine.h: the contract of all firmware, whichever engine computes and whatever brings the rows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.net.net import WIDE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import ImageEnd, ImageModel, image_model
from edgeblur.export.tflite.pixels import pixel_table
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions
from edgeblur.firmware_harness.boards.boards import Sections
from edgeblur.firmware_harness.shell.marks import write_marked
from edgeblur.models.choose import called
from edgeblur.models.read import read_inside

NAME = "model"
"""Prefix of the model's C: firmware/engine_*.c call it by this name."""

SERIAL_FILES = ("protocol.c", "protocol.h", "camera.h", "platform.h")
"""What firmware at a serial line has beside its model; left to it are `main`, camera_row, and what platform.h asks."""

CAMERA = "camera.c"
"""The hook that a user fills in: it lies where his own files do."""

_LONGEST_NAME = 63
_BYTES_A_LINE = 16


@dataclass(frozen=True, eq=False)
class Engine:
    """A model as C or C++, and what it takes.

    Attributes:
        name: `stream` or `tflm`.
        adapter: which file of firmware/ puts it behind engine.h.
        generated: files' names and texts.
        ram_bytes: writable memory without stack and the caller's rows; None if not known.
        constant_bytes: weights and tables in flash.
        compiled: the streaming engine's stages.
    """

    name: str
    adapter: str
    generated: tuple[tuple[str, str], ...]
    ram_bytes: int | None
    constant_bytes: int
    compiled: Compiled | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Its C and C++ files."""
        own = (name for name, _ in self.generated if name.endswith((".c", ".cc", ".cpp")))
        return (*own, self.adapter)

    @property
    def largest(self) -> str:
        """The generated file with the kernels: what optimizing is for."""
        return next(name for name, _ in self.generated if name in (f"{NAME}.c", "frames_finder.c"))


@dataclass(frozen=True)
class End:
    """Rows that firmware takes or gives.

    Attributes:
        height, width: in pixels.
        channels: bytes of a pixel.
    """

    height: int
    width: int
    channels: int

    @property
    def row_bytes(self) -> int:
        """Of one row."""
        return self.width * self.channels


@dataclass(frozen=True, eq=False)
class FirmwareModel:
    """A model that firmware is made around.

    Attributes:
        name: what it is called, as comments and firmware tell it.
        model: both its ends, and its graph.
        engine: its code, with the prefix `NAME`.
        provenance: what generated files say about their origin.
        optimize: `size` or `speed`.
        frames, frame_options: of firmware that veils frames of a camera's size, with the net's size in them.
    """

    name: str
    model: ImageModel
    engine: Engine
    provenance: Provenance
    optimize: str
    frames: CompiledFrames | None = None
    frame_options: FrameOptions | None = None

    @property
    def input(self) -> End:
        """Rows that come in: of the model's picture, or of frames."""
        return self._frame or _end(self.model.input)

    @property
    def outputs(self) -> tuple[End, ...]:
        """Rows that go out: of each of the model's outputs, or of frames."""
        return (self._frame,) if self._frame else tuple(map(_end, self.model.outputs))

    @property
    def _frame(self) -> End | None:
        plan = self.frames.plan if self.frames else None
        return End(plan.height, plan.width, plan.row_bytes // plan.width) if plan else None

    @property
    def row_bytes(self) -> int:
        """One row in and the longest row out."""
        return self.input.row_bytes + max(end.row_bytes for end in self.outputs)


def _end(end: ImageEnd) -> End:
    return End(end.height, end.width, end.channels * np.dtype(end.tensor.dtype).itemsize)


def _stream(compiled: Compiled) -> Engine:
    files = compiled.files
    generated = ((f"{NAME}.c", files.source), (f"{NAME}.h", files.header), (f"{NAME}_weights.h", files.weights))
    return Engine("stream", "engine_stream.c", generated, files.state_bytes, files.constant_bytes, compiled)


def firmware_model(path: Path, options: StreamOptions | None = None) -> FirmwareModel:
    """Compile a .tflite for firmware with the streaming engine.

    Args:
        path: an int8 model.
        options: as `compile_stream` takes them.

    Raises:
        UserError: it cannot be read, streamed, or brought into so many bytes; or it computes with 16 bits.
    """
    model = image_model(read_inside(path).graph)
    if WIDE in (model.input.dtype, model.output.dtype):
        raise UserError(
            f"{called(path)} computes with 16 bits, and cameras and lines of our firmware carry bytes: export it with "
            "`edgeblur export --engine stream` and call its push_row and pop_row, which take and give pixels"
        )
    options = options or StreamOptions()
    provenance = Provenance(safe_name(path), NAME, model.graph, options.arguments)
    compiled = compile_stream(model.graph, provenance, options)
    return FirmwareModel(provenance.source, model, _stream(compiled), provenance, options.optimize)


def stream_model(compiled: Compiled, optimize: str) -> FirmwareModel:
    """The same of what is compiled already, with the prefix `NAME`."""
    files = compiled.files
    return FirmwareModel(files.provenance.source, files.ends, _stream(compiled), files.provenance, optimize)


def safe_name(path: Path) -> str:
    """What a model is called, as comments, C strings and the board can hold it."""
    return comment_safe(called(path))[:_LONGEST_NAME]


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


def _byte_lines(data: bytes) -> list[str]:
    """Bytes as a C initializer's lines."""
    lines = (data[i : i + _BYTES_A_LINE] for i in range(0, len(data), _BYTES_A_LINE))
    return [" ".join(f"0x{byte:02x}," for byte in line) for line in lines]


def _model_info(model: FirmwareModel, board: str, sections: Sections | None) -> str:
    told = model.frame_options.told.strip() if model.frame_options else None
    table = pixel_table(model.model.input) if model.engine.compiled is None else b""  # the streaming engine has its own
    return fill_in(
        firmware_files() / "model_info.h.j2",
        lines=model.provenance.lines,
        input=model.input,
        outputs=model.outputs,
        frames=model.frame_options,
        ram_bytes=model.engine.ram_bytes,
        state_section=sections.state if sections else "",
        pixel_lines=_byte_lines(table),
        sha256_lines=_byte_lines(bytes.fromhex(model.model.graph.sha256)),
        texts=(model.name, board, model.engine.name, __version__, *filter(None, [told])),
    )


def _placed(text: str, sections: Sections, prefix: str) -> str:
    """A model's C with its weights and tables in a section."""
    include = f'#include "{prefix}.h"\n'
    place = f'__attribute__((aligned(4), section("{sections.constants}")))'
    return text.replace(include, f"#define {prefix.upper()}_CONSTANT {place} /* stays in flash */\n{include}", 1)


def write_engine(folder: Path, model: FirmwareModel, board: str, sections: Sections | None = None) -> None:
    """Write a model, what puts it behind engine.h, and what the firmware must know of it.

    Args:
        folder: is made if need be.
        model: from `firmware_model` or `tflm_model`.
        board: what the firmware calls its board.
        sections: for weights and state, where they are not those that the compiler takes.
    """
    for name, text in model.engine.generated:
        constants = name == model.engine.largest and model.engine.compiled is not None
        write_marked(folder / name, _placed(text, sections, Path(name).stem) if sections and constants else text)
    write_marked(folder / "model_info.h", _model_info(model, board, sections))
    copy_firmware(folder, (model.engine.adapter, "engine.h"))


def copy_firmware(folder: Path, names: tuple[str, ...]) -> None:
    """Write files of `firmware_files` into a folder, each marked as ours or the user's."""
    for name in names:
        write_marked(folder / name, (firmware_files() / name).read_text())
