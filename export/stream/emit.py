"""A planned net as C: a header with the interface, a source with kernels and plan, and the weights."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur import __version__
from edgeblur.export.c_array import Provenance, comment_safe, render
from edgeblur.export.stream.members import check_members
from edgeblur.export.stream.net.net import WIDE, Array, Field, Net, Node, Plane, Window
from edgeblur.export.stream.own_names import with_own_names
from edgeblur.export.stream.planning.halves import Halves, halves
from edgeblur.export.stream.planning.layout import (
    finished_words,
    output_row_bytes,
    position_bytes,
    row_bytes,
    scratch_bytes,
    state_bytes,
)
from edgeblur.export.stream.planning.plan import Plan
from edgeblur.export.stream.planning.program import Program, compress
from edgeblur.export.stream.planning.schedule import Schedule
from edgeblur.export.tflite.graph import COUNTS, ImageEnd, ImageModel
from edgeblur.export.tflite.pixels import pixel_bounds, pixel_table, step_table
from edgeblur.files import write_text

OPTIMIZE = ("size", "speed")
"""`size`: each kernel is compiled once; `speed`: anew for each layer, with the layer's sizes as constants."""

_NUMBERS_A_LINE = 24


@dataclass(frozen=True, eq=False)
class StreamFiles:
    """The C of a model, as text, and what it takes on a board.

    Attributes:
        text: fills in a template; done only when a file is asked for, as most of whoever plans needs sizes alone.
        state_bytes: `sizeof(NAME_state)`: rows, scratch and counters.
        row_bytes: the caller's two rows, one in and one out.
        constant_bytes: weights and tables in flash; code comes on top.
        constants_crc32: zlib's CRC-32 of them, one array after the other, little-endian.
        ends: where pictures go in and come out.
        provenance: what the files say about their origin.
    """

    text: Callable[[str], str]
    state_bytes: int
    row_bytes: int
    constant_bytes: int
    constants_crc32: int
    ends: ImageModel
    provenance: Provenance

    def __eq__(self, other: object) -> bool:
        """The same texts; sizes follow from them."""
        mine = (self.header, self.source, self.weights)
        return isinstance(other, StreamFiles) and mine == (other.header, other.source, other.weights)

    def __hash__(self) -> int:
        return self.constants_crc32

    @functools.cached_property
    def header(self) -> str:
        """`NAME.h`."""
        return self.text("stream.h.j2")

    @functools.cached_property
    def source(self) -> str:
        """`NAME.c`."""
        return self.text("stream.c.j2")

    @functools.cached_property
    def weights(self) -> str:
        """`NAME_weights.h`."""
        return self.text("stream_weights.h.j2")

    @property
    def ram_bytes(self) -> int:
        """Everything writable but the stack: state, camera row, finished row."""
        return self.state_bytes + self.row_bytes

    def write(self, folder: Path, name: str) -> None:
        """Write the three files into a folder."""
        for suffix, text in ((".h", self.header), ("_weights.h", self.weights), (".c", self.source)):
            write_text(folder / f"{name}{suffix}", text)


_LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
"""Each kernel's first line; the C of a model says it once."""

_INCLUDE = re.compile(r'#include "(.+)"\n')


@functools.cache
def _kernel_file(name: str) -> str:
    text = (resources.files("edgeblur.export.stream") / "kernels" / name).read_text()
    return text.removeprefix(_LICENCE)


def _kernel(name: str, included: set[str]) -> str:
    """A kernel's C with its `#include "..."` lines replaced by those files, each once in a model."""

    def include(line: re.Match[str]) -> str:
        if line[1] in included:
            return ""
        included.add(line[1])
        return _INCLUDE.sub(include, _kernel_file(line[1]))

    return _INCLUDE.sub(include, _kernel_file(f"{name}.c"))


def _c_type(values: NDArray[Any]) -> str:
    return f"{values.dtype.name}_t"


@dataclass
class _Constants:
    """The arrays of a model, whose names begin with `prefix`; equal ones are written once."""

    prefix: str
    definitions: list[tuple[str, NDArray[Any]]] = field(default_factory=list)
    _names: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def name(self, label: str, values: NDArray[Any]) -> str:
        """The name of an array of these values, made up from `label` if it is new."""
        key = (values.dtype.name, values.tobytes())
        if key not in self._names:
            self._names[key] = f"{self.prefix}_{label}"
            self.definitions.append((self._names[key], values))
        return self._names[key]

    @property
    def size_bytes(self) -> int:
        return sum(values.nbytes for _, values in self.definitions)

    @property
    def crc32(self) -> int:
        """Of all, in the order they were asked for."""
        crc = 0
        for _, values in self.definitions:
            crc = zlib.crc32(values.astype(values.dtype.newbyteorder("<")).tobytes(), crc)
        return crc

    def text(self) -> list[str]:
        """C definitions, in the order they were asked for."""
        declared = f"{self.prefix.upper()}_CONSTANT"
        return [_definition(name, values, declared) for name, values in self.definitions]


def _definition(name: str, values: NDArray[Any], declared: str) -> str:
    lines = ",\n".join(_number_lines(values.ravel().tolist()))
    return f"static const {_c_type(values)} {name}[{values.size}] {declared} = {{\n{lines}}};"


def _number_lines(values: Sequence[int]) -> list[str]:
    numbers = list(map(str, values))
    return [",".join(numbers[i : i + _NUMBERS_A_LINE]) for i in range(0, len(numbers), _NUMBERS_A_LINE)]


def _unsigned(largest: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32


def _affine(firsts: Sequence[int]) -> str | None:
    """`firsts` as a C expression of the output row `y`, if it is `(y * stride + offset) / divisor`, rounded down."""
    slope = firsts[1] - firsts[0] if len(firsts) > 1 else 0
    offset = firsts[0]
    if all(first == y * slope + offset for y, first in enumerate(firsts)):
        return f"y * {slope} + {offset}" if slope > 1 else f"y + {offset}" if slope else f"{offset}"
    for divisor in range(2, 9):
        for rest in range(divisor):
            if all(first == (y + rest) // divisor + offset for y, first in enumerate(firsts)):
                return f"(y + {rest}) / {divisor} + {offset}"
    return None


def _identifier(number: int, node: Node) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", node.name).strip("_")[:40]
    return f"n{number}_{cleaned}".rstrip("_")


@dataclass
class _Emitter:
    """Everything that the template is filled in from."""

    net: Net
    schedule: Schedule
    plan: Plan
    constants: _Constants

    def addresses(self, n: int) -> str | None:
        """The array of a node's row addresses, in units; None for an output, whose rows go to the caller."""
        if n in self.net.outputs:
            return None
        height = self.net.nodes[n].plane.height
        places = [self.plan.addresses.get((n, y), 0) // self.plan.unit_bytes for y in range(height)]
        return self.constants.name(f"rows_{n}", np.array(places, np.uint16))

    def _first(self, n: int, i: int, window: Window) -> str:
        text = _affine(window.firsts)
        if self.net.nodes[n].step_rows > 1:
            if window.step > 1 or any(first != y + window.firsts[0] for y, first in enumerate(window.firsts)):
                raise ValueError(f"node {n}: rows that are made together need neighbouring rows")
            text = f"y + {window.firsts[0]}"
        if text is None:
            text = f"{self.constants.name(f'firsts_{n}_{i}', np.array(window.firsts, np.int16))}[y]"
        return text.replace("+ -", "- ")

    def windows(self, n: int) -> list[dict[str, Any]]:
        """What the template needs to gather the row pointers of a step, input by input."""
        node, result, at = self.net.nodes[n], [], 0
        for i, (source, window) in enumerate(zip(node.inputs, self.net.windows(node), strict=True)):
            plane = self.net.nodes[source].plane
            first = self._first(n, i, window)
            count = window.count + node.step_rows - 1
            result.append(
                {"rows": self.addresses(source), "height": plane.height, "first": first, "at": at,
                 "step": window.step, "count": count}
            )  # fmt: skip
            at += count
        return result

    def _initializer(self, label: str, value: Field) -> str:
        if isinstance(value, Array):
            return self.constants.name(f"{label}_{value.role}", value.values)
        return "NULL" if value is None else str(value)

    def _members(self, node: Node, label: str, fields: Mapping[str, Field]) -> list[tuple[str, str]]:
        """A struct's members and their initializers."""
        assert node.operation is not None
        check_members(node.name, node.operation.label, node.operation.kernel, fields)
        return [(member, self._initializer(label, value)) for member, value in fields.items()]

    def _structs(self, node: Node, label: str, pair: Halves | None) -> list[dict[str, Any]]:
        """The structs that a node's steps take: one for whole rows, or one a core."""
        assert node.operation is not None
        name = f"{self.constants.prefix}_{label}"
        if pair is None:
            fields = node.operation.fields(self.net.planes(node), node.plane)
            return [{"name": name, "members": self._members(node, label, fields)}]
        return [
            {"name": f"{name}_{side}", "members": self._members(node, label, half.fields), "half": half}
            for side, half in zip(("core0", "core1"), pair, strict=True)
        ]

    def layer(self, n: int) -> dict[str, Any]:
        """What the template needs to write a node's structs and its step."""
        node = self.net.nodes[n]
        assert node.operation is not None
        label, pair = _identifier(n, node), halves(self.net, node)
        structs, windows = self._structs(node, label, pair), self.windows(n)
        if pair is not None:
            windows = [{**w, "moved": moved} for w, moved in zip(windows, pair[1].moved, strict=True)]
        table = node.table and self.constants.name(f"{label}_table", np.frombuffer(node.table, np.uint8))
        return {
            "number": n, "structs": structs, "together": pair is not None,
            "kernel": node.operation.kernel, "label": node.operation.label,
            "shape": _shape(node.plane), "windows": windows, "table": table,
            "pointers": sum(w["count"] for w in windows), "rows": self.addresses(n), "row_bytes": node.plane.row_bytes,
            "recomputes": node.recomputes is not None, "height": node.plane.height,
            "step_rows": node.step_rows, "early_rows": node.operation.early_rows,
        }  # fmt: skip


def _shape(plane: Plane) -> str:
    return f"{plane.height}x{plane.width}x{plane.channels}"


def _ends(model: ImageModel, constants: _Constants) -> dict[str, Any]:
    """Tables between pixels and the model's own numbers; None where the bytes are the same.

    Of 16 bits, steps become pixels by bounds.
    """
    if model.input.dtype == WIDE:
        steps = np.frombuffer(pixel_table(model.input), np.int16)
        bounds = None if model.others or model.output.dtype != WIDE else pixel_bounds(model.output)
        return {
            "pixel_to_step": constants.name("pixel_to_step", steps),
            "step_to_pixel": None if bounds is None else constants.name("pixel_bounds", bounds),
            "bounds": 0 if bounds is None else bounds.size,
        }
    same = bytes(range(256))
    tables: dict[str, Callable[[ImageEnd], bytes]] = {"pixel_to_step": pixel_table, "step_to_pixel": step_table}
    result: dict[str, Any] = {}
    for (name, table), end in zip(tables.items(), (model.input, model.output), strict=True):
        if end.dtype in COUNTS or (end is model.output and model.others):
            result[name] = None
            continue
        values = table(end)
        result[name] = None if values == same else constants.name(name, np.frombuffer(values, np.uint8))
    return result


@dataclass(frozen=True)
class _Output:
    """One of several outputs, as the header describes it: its name, its numbers, its plane."""

    name: str
    meaning: str
    plane: Plane


def _outputs(net: Net, model: ImageModel) -> list[_Output]:
    names = (comment_safe(name) for name in model.graph.output_names)
    planes = [net.nodes[n].plane for n in net.outputs]
    return [_Output(name, _meaning(plane), plane) for name, plane in zip(names, planes, strict=True)]


def _check_sizes(net: Net, model: ImageModel) -> None:
    """Whoever takes rows out makes room for the model's: rows of another size would be written behind it."""
    for n, end in zip(net.outputs, model.outputs, strict=True):
        plane = net.nodes[n].plane
        if (plane.height, plane.width, plane.channels) != (end.height, end.width, end.channels):
            raise ValueError(f"{net.name}: output {n} is {_shape(plane)}, and the model says {end.tensor.shape}")


def _meaning(plane: Plane) -> str:
    if plane.dtype in COUNTS:
        return f"{plane.dtype} numbers"
    return f"{plane.dtype} of scale {plane.scale:.9g} and zero point {plane.zero_point}"


def _kernels(layers: Iterable[dict[str, Any]]) -> list[str]:
    included: set[str] = set()
    return [_kernel(name, included) for name in sorted({layer["kernel"] for layer in layers})]


def emit(
    net: Net,
    schedule: Schedule,
    plan: Plan,
    model: ImageModel,
    provenance: Provenance,
    *,
    optimize: str,
    checked: bool = False,
) -> StreamFiles:
    """Write a planned net as C99.

    Args:
        net, schedule, plan: of one model, made from each other.
        model: its ends as pictures.
        provenance: what the comment on top says; its name is the prefix of everything public.
        optimize: one of `OPTIMIZE`.
        checked: with functions that compute the CRC-32 of the constants, for what is written around the net.

    Returns:
        Three texts, written when they are asked for; the same arguments give the same bytes.
    """
    _check_sizes(net, model)
    emitter = _Emitter(net, schedule, plan, _Constants(provenance.name))
    program: Program = compress([step.node for step in schedule.steps])
    layers = [emitter.layer(n) for n in range(1, len(net.nodes))]
    codes = np.array(program.codes, _unsigned(len(net.nodes) - 1))
    wide = net.nodes[0].plane.dtype == WIDE
    values: dict[str, Any] = {
        "name": provenance.name, "version": __version__, "lines": provenance.lines, "layers": layers,
        "speed": optimize == "speed", "program": program, "codes": emitter.constants.name("program", codes),
        "position": f"uint{8 * position_bytes(net, program)}_t",
        "picture_rows": emitter.addresses(0), "unit_bytes": plan.unit_bytes,
        "input": net.nodes[0].plane, "output": net.nodes[-1].plane, "nodes": len(net.nodes),
        "outputs": _outputs(net, model), "first_output": net.outputs.start, "longest_row": output_row_bytes(net),
        "arena_words": -(-plan.arena_bytes // 4), "scratch_words": scratch_bytes(net) // 4,
        "cores": net.cores, "macs": net.macs, "macs_recomputed": net.macs_recomputed, **_ends(model, emitter.constants),
        "pixels_out": model.output.dtype not in COUNTS and not model.others,
        "wide": wide, "step": "int16_t" if wide else "int8_t", "finished_word": finished_words(net),
        "several": any(node.step_rows > 1 for node in net.nodes),
        "height": f"uint{8 if max(node.plane.height for node in net.nodes) < 256 else 16}_t",
        "height_lines": _number_lines([node.plane.height for node in net.nodes]),
    }  # fmt: skip
    state, constants = state_bytes(net, plan, program), emitter.constants
    values |= {"state_bytes": state, "row_bytes": row_bytes(net), "constant_bytes": constants.size_bytes}
    values |= {"checked": checked, "array_names": [label for label, _ in constants.definitions]}
    values |= {"constants_crc32": f"0x{constants.crc32:08X}"}

    def text(template: str) -> str:
        if template == "stream.c.j2":
            return with_own_names(render(template, kernels=_kernels(layers), **values), provenance.name)
        return render(template, arrays=constants.text() if template == "stream_weights.h.j2" else "", **values)

    return StreamFiles(
        text=text,
        state_bytes=state,
        row_bytes=row_bytes(net),
        constant_bytes=constants.size_bytes,
        constants_crc32=constants.crc32,
        ends=model,
        provenance=provenance,
    )
