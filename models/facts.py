"""What a model file says about itself, without being run: size, work, and what the streaming engine needs for it."""

from __future__ import annotations

from pathlib import Path

from edgeblur.errors import Unsupported
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.finder import finder_of, has_mask
from edgeblur.export.tflite.graph import Graph, image_model
from edgeblur.models.measures import Facts
from edgeblur.models.read import read_model


def read_facts(path: Path) -> Facts:
    """Compute what a .tflite says about itself, in about a second for an int8 model.

    Raises:
        UserError: it is no .tflite with a picture in and a picture out, and no detector.
    """
    return facts_of(read_model(path))


def mask_facts(path: Path) -> Facts | None:
    """The same of the mask part of a mask net alone, as `edgeblur models path --output mask` cuts it; None without."""
    graph = read_model(path)
    return facts_of(finder_of(graph).graph) if has_mask(graph) else None


def facts_of(graph: Graph) -> Facts:
    """What a model says about itself.

    Raises:
        UserError: it does not take one picture and output one, and is no detector either.
    """
    model, spent, needs = image_model(graph, several=bool(detector_heads(graph))), cost(graph), _streamed(graph)
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
    except Unsupported:
        return None
    return files.ram_bytes, files.constant_bytes
