"""What a model file tells about itself, without being run: size, work, and what the streaming engine needs for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import Graph, image_model
from edgeblur.models.choose import read_model


@dataclass(frozen=True)
class Facts:
    """A model file's own facts.

    Attributes:
        sha256: of the file.
        precision: of its weights: `int8`, `float16` or `float32`.
        size_bytes: of the file.
        width, height: of the picture that it takes.
        parameters: in it.
        macs: multiply-accumulates of a picture; None where they cannot be counted.
        ram_bytes: what the streaming engine takes, two rows included, everything writable but the stack; None for a
            model that it refuses.
        constant_bytes: flash for its weights and tables there.
    """

    sha256: str
    precision: str
    size_bytes: int
    width: int
    height: int
    parameters: int
    macs: int | None = None
    ram_bytes: int | None = None
    constant_bytes: int | None = None

    def as_json(self) -> dict[str, Any]:
        """By name; what is unknown is absent."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def read_facts(path: Path) -> Facts:
    """Compute what a .tflite tells about itself, in about a second for an int8 model.

    Raises:
        UserError: it is no .tflite with a picture in and a picture out.
    """
    graph = read_model(path)
    model, spent, needs = image_model(graph), cost(graph), _streamed(graph)
    return Facts(
        sha256=graph.sha256,
        precision=_precision(graph),
        size_bytes=graph.size_bytes,
        width=model.input.width,
        height=model.input.height,
        parameters=spent.parameters,
        macs=spent.macs,
        ram_bytes=needs[0] if needs else None,
        constant_bytes=needs[1] if needs else None,
    )


def _precision(graph: Graph) -> str:
    types = {tensor.dtype for tensor in graph.tensors}
    return "float16" if "float16" in types else "float32" if "float32" in types else "int8"


def _streamed(graph: Graph) -> tuple[int, int] | None:
    """RAM and constants with the streaming engine, None for a model that it refuses (floats, among others)."""
    try:
        files = compile_stream(graph, Provenance("model.tflite", "face_blur", graph)).files
    except UserError:
        return None
    return files.ram_bytes, files.constant_bytes
