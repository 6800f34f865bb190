"""A .tflite file as C: an aligned constant array that ends up in flash, and its header."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from edgeblur import __version__
from edgeblur.export.identifier import check_identifier
from edgeblur.export.tflite.graph import Graph, Tensor

_BYTES_A_LINE = 20
_HEX = [f"0x{byte:02x}," for byte in range(256)]


@dataclass(frozen=True)
class Provenance:
    """Where generated files come from, for the comment on their top; the same model always gives the same lines.

    Attributes:
        source: the model's file name.
        name: of everything public in the C.
        graph: the model.
        options: further options of the command that makes the files, each with a space before it.
    """

    source: str
    name: str
    graph: Graph
    options: str = ""

    @property
    def lines(self) -> list[str]:
        """Version, command, model, digest, both ends."""
        graph = self.graph
        return [
            f"Made by edgeblur {__version__}: edgeblur export {self.source} --out DIR --name {self.name}{self.options}",
            f"Model: {self.source}, {graph.size_bytes} bytes, {len(graph.ops)} ops",
            f"SHA-256: {graph.sha256}",
            *(f"Input:  {describe(graph.tensors[i])}" for i in graph.inputs),
            *(f"Output: {describe(graph.tensors[i])}" for i in graph.outputs),
        ]


@dataclass(frozen=True)
class CArray:
    """The two files of an array, as text."""

    header: str
    source: str


def comment_safe(text: str) -> str:
    """Text of the user's that cannot end a C comment, continue a line or form a trigraph."""
    return re.sub(r"[^A-Za-z0-9 ._+-]", "_", text)


def describe(tensor: Tensor) -> str:
    """A tensor's shape, type and quantization in a line."""
    shape = "x".join(map(str, tensor.shape)) or "1"
    if len(tensor.scales) != 1:
        return f"{shape} {tensor.dtype}"
    return f"{shape} {tensor.dtype}, scale {tensor.scales[0]:.9g}, zero point {tensor.zero_points[0]}"


@functools.cache
def _environment() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("edgeblur.export"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C, not HTML
    )


def render(template: str, **values: Any) -> str:
    """Fill in one of the stage's templates; a name that is missing is an error."""
    return str(_environment().get_template(template).render(**values))


def _body(data: bytes) -> str:
    """The array's contents: 2 MB take a third of a second."""
    starts = range(0, len(data), _BYTES_A_LINE)
    return "\n".join("".join(map(_HEX.__getitem__, data[i : i + _BYTES_A_LINE])) for i in starts)


def c_array(data: bytes, provenance: Provenance) -> CArray:
    """Write a model as C99 that is also C11, C23 and C++11.

    Args:
        data: the .tflite file's bytes.
        provenance: what the comment on top says; its name becomes the array's, so that `NAME`, `NAME_SIZE` and the
            include guard `NAME_H_` follow from it.

    Raises:
        UserError: the name is no identifier.
    """
    name = check_identifier(provenance.name)
    values = {"name": name, "lines": provenance.lines, "size": len(data)}
    return CArray(
        header=render("model.h.j2", **values),
        source=render("model.c.j2", body=_body(data), **values),
    )
