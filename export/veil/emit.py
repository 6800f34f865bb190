"""A veil as C: its header and source beside the finder's streaming engine."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, render
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.emit import StreamFiles
from edgeblur.export.stream.own_names import with_own_names
from edgeblur.export.stream.planning.schedule import Schedule
from edgeblur.export.tflite.finder import Finder
from edgeblur.export.veil.arithmetic import Mean, Packing, Sums, Walk, period, sum_bytes
from edgeblur.export.veil.boxes import HALF_HEIGHT, HALF_WIDTH, SAME_FACE, SHIFT_UP, BoxPlan
from edgeblur.export.veil.golden import NOISE_BOXES, SEED, golden_crc32
from edgeblur.export.veil.plan import LEVELS, Axis, VeilPlan
from edgeblur.files import write_text

FINDER = "_finder"
"""Behind a veil's name: the prefix of its finder's C."""

BOX_BYTES = 12
"""`sizeof(NAME_box)`."""

_VERSION = 1
_BYTES_A_LINE = 20
_TYPES = {1: "uint8_t", 2: "uint16_t", 4: "uint32_t", 8: "uint64_t"}


@dataclass(frozen=True)
class FrameFiles:
    """The C of a veil and its finder, as text, and what it takes on a board.

    Attributes:
        header, source: `NAME.h`, `NAME.c`.
        finder: `NAME_finder.h`, `.c` and `_weights.h`.
        state_bytes: `sizeof(NAME_state)`, with the finder's.
        row_bytes: the caller's memory beside it: a row (`live`, `rows`), or nothing, as the frame is the driver's.
        constant_bytes: weights and tables in flash; code comes on top.
    """

    header: str
    source: str
    finder: StreamFiles
    state_bytes: int
    row_bytes: int
    constant_bytes: int

    @property
    def ram_bytes(self) -> int:
        """Everything writable but the stack, and but a frame that the camera's driver owns."""
        return self.state_bytes + self.row_bytes

    def write(self, folder: Path, name: str) -> None:
        """Write the five files into a folder."""
        write_text(folder / f"{name}.h", self.header)
        write_text(folder / f"{name}.c", self.source)
        self.finder.write(folder, name + FINDER)


def _check_axis(axis: Axis) -> None:
    if 256 * axis.content * axis.units + 128 * axis.content >= 2**32:
        raise UserError(f"{axis.units} units over {axis.content} pixels of the net are too many to count in 32 bits")


def _fields(plan: VeilPlan, compiled: Compiled, mask_width: int) -> Iterator[tuple[int, int]]:
    """Size of an element, and how many, of each member of NAME_state, in its order."""
    components, cells, sums = plan.pixels.components, plan.x.cells * plan.y.cells, Sums.of(plan)
    squares = plan.x.squares * plan.y.squares * components
    picture = plan.x.net * compiled.net.nodes[0].plane.channels
    yield 4, compiled.files.state_bytes // 4
    yield sums.size, sums.count
    yield 4, plan.x.squares * components
    yield 1, picture
    yield from _mask_fields(compiled, mask_width, plan.boxes is not None)
    yield from ((1, cells), (1, cells), (1, squares), (1, squares))
    if plan.hold == "rows":
        yield 1, ring_rows(plan, compiled) * plan.row_bytes
        yield from ((2, 1), (2, 2))
    if plan.boxes is not None:
        yield from ((2, BOX_BYTES // 2 * plan.boxes.most), (2, len(compiled.net.outputs)), (2, 1), (1, 1))
    yield from ((4, 1), (2, 1), (2, 4 if plan.tiles else 2), (1, 1), (1, 1), (4, 1), (4, 1), (4, 1))


def _mask_fields(compiled: Compiled, mask_width: int, boxes: bool) -> Iterator[tuple[int, int]]:
    """A row of the mask; of a detector the last row of any output, and the last of each."""
    if not boxes:
        yield 1, mask_width
        return
    rows = _output_rows(compiled)
    yield from ((1, max(rows)), (1, sum(rows)))


def _output_rows(compiled: Compiled) -> list[int]:
    """Bytes of a row of each output."""
    return [compiled.net.nodes[n].plane.row_bytes for n in compiled.net.outputs]


def output_order(compiled: Compiled) -> tuple[int, ...]:
    """Which output each row is of that comes out, from the first to the last."""
    outputs, steps = compiled.net.outputs, compiled.schedule.steps
    return tuple(step.node - outputs.start for step in steps if step.node in outputs for _ in range(step.rows))


def _size(fields: Iterator[tuple[int, int]]) -> int:
    """`sizeof` a struct of such members."""
    at, alignment = 0, 1
    for size, count in fields:
        at = -(-at // size) * size + size * count
        alignment = max(alignment, size)
    return -(-at // alignment) * alignment


def veil_bytes(plan: VeilPlan, compiled: Compiled) -> int:
    """What NAME_state has beside the finder's."""
    mask_width = compiled.net.nodes[-1].plane.width
    return _size(_fields(plan, compiled, mask_width)) - compiled.files.state_bytes


def mask_rows_known(schedule: Schedule, last: int) -> list[int]:
    """How many rows of the mask a finder has given when it has taken in 1, 2, ... rows of its picture."""
    known, given = [], 0
    for step in schedule.steps:
        if step.node == 0:
            known.append(given)
        elif step.node == last:
            given += step.rows
    return [*known[1:], given]


def ring_rows(plan: VeilPlan, compiled: Compiled) -> int:
    """Rows of the frame that wait at the worst moment until their mask and their colours are known (`rows`)."""
    known = mask_rows_known(compiled.schedule, len(compiled.net.nodes) - 1)
    most, out = 1, 0
    for y in range(plan.height):
        net_rows = (y + 1) * plan.y.unit_weight // plan.y.net_weight
        seen = plan.y.net if net_rows >= plan.y.content else net_rows
        cells = _final_cells(plan, known[seen - 1] if seen else 0)
        squares = _final_squares(plan, net_rows)
        most = max(most, y + 1 - out)
        while out <= y and _known(plan, out, cells, squares):
            out += 1
    return most


def _final_cells(plan: VeilPlan, mask_rows: int) -> int:
    count = plan.y.cells
    return count if mask_rows >= count else max(0, min(mask_rows - plan.options.margin, count))


def _final_squares(plan: VeilPlan, net_rows: int) -> int:
    count, grid = plan.y.squares, plan.options.grid
    return count if net_rows >= plan.y.content else max(0, min(net_rows // grid - 1, count))


def _known(plan: VeilPlan, y: int, cells: int, squares: int) -> bool:
    for step, final, count in ((plan.y.cell, cells, plan.y.cells), (plan.y.grid, squares, plan.y.squares)):
        a, b, c = plan.y.places(step)
        place = min(max((a * y + b) // c - 128, 0), (count - 1) * 256)
        if (place >> 8) + 1 >= final and final < count:
            return False
    return True


def _values(plan: VeilPlan, unit: int) -> list[str]:
    """What is added up of a unit of a row, as C reads it: each component, or those of 565 in one word.

    There red begins at bit 11, green at 21 and blue at 0, with room for sums between them.
    """
    layout, first = plan.pixels, unit * plan.pixels.unit_bytes
    if layout.is_565:
        high, low = (first + 1, first) if layout.name == "rgb565le" else (first, first + 1)
        word = f"((uint32_t)row[{high}] << 8 | row[{low}])"
        if Packing.of(plan).units:
            return [f"({word} * 0x10001u & 0x07E0F81Fu)"]
        return [f"({word} >> 11)", f"({word} >> 5 & 63u)", f"({word} & 31u)"]
    places = [[i for i, part in enumerate(layout.parts) if part == c] for c in range(layout.components)]
    sums = [" + ".join(f"(uint32_t)row[{first + i}]" for i in own) for own in places]
    return [f"({total})" if "+" in total else total for total in sums]


def _shrinking(plan: VeilPlan) -> dict[str, Any]:
    """What the template needs to know of sums and means."""
    means = [Mean.of(maximum, plan.total_weight) for maximum in plan.pixels.maxima]
    kinds = list(dict.fromkeys(means))
    divided = [mean.dividend for mean in kinds if mean.product is None]
    packing, sums, repeated = Packing.of(plan), Sums.of(plan), period(plan.x)
    units = range(plan.x.net_weight if repeated else 1)
    return {
        "sum_type": _TYPES[sums.size], "sums": sums.count, "per_pixel": sums.per_pixel,
        "wide_type": _TYPES[max(4, *map(sum_bytes, divided))] if divided else "",
        "packing": packing, "lanes": 1 if packing.units else plan.pixels.components, "period": repeated,
        "values": [_values(plan, unit) for unit in units],
        "means": kinds, "mean_of": [kinds.index(mean) for mean in means],
    }  # fmt: skip


def _picture_lines(plan: VeilPlan, channels: int) -> list[str]:
    """C that writes a pixel of the net's picture; grey of colours as Pillow makes it."""
    names = {"yuv": ("red", "green", "blue"), "gray": ("value_0",) * 3, "rgb": ("value_0", "value_1", "value_2")}
    red, green, blue = names[plan.pixels.kind]
    if channels == 3:
        return [f"picture[{i}] = (uint8_t){value};" for i, value in enumerate((red, green, blue))]
    return [f"picture[0] = (uint8_t)((19595u * {red} + 38470u * {green} + 7471u * {blue} + 32768u) >> 16);"]


def _number_lines(data: bytes) -> list[str]:
    rows = (data[i : i + _BYTES_A_LINE] for i in range(0, len(data), _BYTES_A_LINE))
    return [", ".join(map(str, row)) + "," for row in rows]


def _box_values(boxes: BoxPlan, compiled: Compiled) -> dict[str, Any]:
    """What the C of a detector's boxes is filled in with.

    Raises:
        UserError: scores and boxes of a grid come out more than a row apart, so that one row of each is not enough.
    """
    rows = _output_rows(compiled)
    places = [sum(rows[:n]) for n in range(len(rows))]
    heads, first = list[tuple[int, ...]](), 0
    for decoder in boxes.decoders:
        head = decoder.head
        heads.append((head.scores, head.boxes, head.anchors, head.values, places[head.scores], places[head.boxes],
                      head.width, head.stride * 8, first, decoder.zero, decoder.factor))  # fmt: skip
        first += head.height * head.width * head.anchors
    _check_pace(boxes, output_order(compiled))
    return {
        "heads": heads, "most_boxes": boxes.most, "output_places": places, "outputs_bytes": sum(rows),
        "longest_row": max(rows), "output_rows": len(output_order(compiled)), "same_face": SAME_FACE,
        "shift_up": SHIFT_UP, "half_width": HALF_WIDTH, "half_height": HALF_HEIGHT, "noise_boxes": NOISE_BOXES,
    }  # fmt: skip


def _check_pace(boxes: BoxPlan, order: Sequence[int]) -> None:
    done = Counter[int]()
    for output in order:
        done[output] += 1
        for head in (decoder.head for decoder in boxes.decoders):
            if abs(done[head.scores] - done[head.boxes]) > 1:
                raise UserError(
                    "scores and boxes of the detector come out more than a row apart: let both read one plane"
                )


_EXAMPLES = {
    "buffer": ("static {n}_state state;", "{n}_begin(&state);", "for (;;) {{",
               "    uint8_t *frame = frame_from_the_driver();",
               "    {n}_blur_frame(&state, frame, {N}_ROW_BYTES);", "    send(frame);", "}}"),
    "live": ("static {n}_state state;", "{n}_begin(&state);", "for (;;) {{",
             "    for (unsigned y = 0; y < {N}_FRAME_HEIGHT; ++y) {{", "        row_from_the_camera(y, row);",
             "        {n}_veil_row(&state, y, row, sizeof row);", "        send(row);", "    }}", "}}"),
    "rows": ("static {n}_state state;", "{n}_begin(&state);", "for (;;) {{",
             "    for (unsigned y = 0; y < {N}_FRAME_HEIGHT; ++y) {{",
             "        {n}_push_row(&state, y, row_from_the_camera(y), {N}_ROW_BYTES);",
             "        while ({n}_pop_row(&state, &done, row, sizeof row) == {N}_OK) {{", "            send(done, row);",
             "        }}", "    }}", "}}"),
}  # fmt: skip


def emit_veil(plan: VeilPlan, finder: Finder, compiled: Compiled, provenance: Provenance) -> FrameFiles:
    """Write a planned veil around its compiled finder as C99.

    Args:
        plan: of the frames.
        finder: at the plan's input size.
        compiled: the same, with the prefix `NAME_finder`, checked.
        provenance: what the comment on top says; its name is the prefix of everything public.

    Raises:
        UserError: the frame is too large for 32 bits.

    Returns:
        The same arguments give the same bytes.
    """
    for axis in (plan.x, plan.y):
        _check_axis(axis)
    layout = plan.pixels
    crc = zlib.crc32(plan.levels, compiled.files.constants_crc32)
    name = provenance.name
    values: dict[str, Any] = {
        "name": name, "NAME": name.upper(), "lines": provenance.lines, "plan": plan, "options": plan.options,
        "components": layout.components, "net_channels": finder.input.channels,
        "mask_type": f"{finder.output.dtype}_t", "mask_width": finder.output.width, "mask_height": finder.output.height,
        "cells": plan.x.cells * plan.y.cells, "squares": plan.x.squares * plan.y.squares * layout.components,
        "levels_most": LEVELS, "level_lines": _number_lines(plan.levels),
        "picture_lines": _picture_lines(plan, finder.input.channels),
        "blind_bytes": ", ".join(map(str, layout.blind_unit)), "crc": crc,
        "golden": golden_crc32(plan, finder, output_order(compiled)), "golden_seed": SEED,
        "magic": 0xED6EB100 + _VERSION,
        "ring_rows": ring_rows(plan, compiled) if plan.hold == "rows" else 0,
        "example": [line.format(n=name, N=name.upper()) for line in _EXAMPLES[plan.hold]],
        "state_bytes": _size(_fields(plan, compiled, finder.output.width)),
        "ram_note": " The frame is the driver's." if plan.hold == "buffer" else "",
        "cell_walk": Walk.of(plan.x, plan.x.cell, plan.x.cells),
        "square_walk": Walk.of(plan.x, plan.x.grid, plan.x.squares),
        **_shrinking(plan),
        **(_box_values(plan.boxes, compiled) if plan.boxes else {}),
    }  # fmt: skip
    return FrameFiles(
        header=render("veil.h.j2", **values),
        source=with_own_names(render("veil.c.j2", **values), values["name"]),
        finder=compiled.files,
        state_bytes=values["state_bytes"],
        row_bytes=0 if plan.hold == "buffer" else plan.row_bytes,
        constant_bytes=compiled.files.constant_bytes + len(plan.levels),
    )
