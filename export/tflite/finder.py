"""What finds faces in a net, as a .tflite of its own: a picture goes in, a mask of small cells comes out, or boxes.

A mask head (`edgeblur.distill.nets.mask_head`) finds faces at its input's size and blends a blur in, all in one
.tflite. The finder is its first half with the same weights, bit for bit; the veil (`edgeblur.export.veil`) does the
second at any camera's size. Of a detector (`edgeblur.export.tflite.detector`) everything finds faces: its boxes become
a mask of cells before the veil sees them.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import FLOAT_STEP, Head, detector_heads, input_step
from edgeblur.export.tflite.graph import Graph, ImageEnd, Op, image_model, read_tflite
from edgeblur.export.tflite.input_size import input_multiple, with_input_size
from edgeblur.export.tflite.pixels import value_range
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.files import refuse_place, write_bytes

MASK = "mask"
"""The output of a mask head that is none of its file's: where faces are, before a picture is made of it."""

BOX_CELL = 4
"""Pixels of a detector's input that a cell stands for into which its boxes are drawn."""
BOX_CLAMP = (0.4, 0.5)
"""Scores from which a detector's box begins to be veiled, and is veiled fully."""

_TOP = 6.0
"""Where ReLU6 clips: the clamp of a mask head is made of it."""

_SAID = "edgeblur mask, clamp {:g}:{:g}"
"""The description in a finder's file."""


@dataclass(frozen=True)
class Finder:
    """A net that finds faces, as a .tflite of its own.

    Attributes:
        data: the .tflite: `[1, height, width, 1 or 3]` to `[1, height / cell_px, width / cell_px, 1]`, the mask.
        graph: the same, read.
        cell_px: pixels of the input that a cell of the mask stands for, along each side.
        clamp: mask values 0 to 1 from which the net that it was cut from begins to blur, and blurs fully; a file that
            edgeblur cut remembers them; None for another finder.
        heads: of a detector, whose outputs are scores and boxes; none of a net whose output is a mask.
    """

    data: bytes
    graph: Graph
    cell_px: int
    clamp: tuple[float, float] | None
    heads: tuple[Head, ...] = ()

    @property
    def input(self) -> ImageEnd:
        """The picture that goes in."""
        return image_model(self.graph, several=True).input

    @property
    def output(self) -> ImageEnd:
        """The mask that comes out, or is made of a detector's boxes: then its steps are those of the scores.

        Scores in floats are taken in steps of `FLOAT_STEP`.
        """
        model = image_model(self.graph, several=True)
        if not self.heads:
            return model.output
        tall, wide = model.input.height // self.cell_px, model.input.width // self.cell_px
        end = dataclasses.replace(model.outputs[self.heads[0].scores], height=tall, width=wide, channels=1)
        return end if end.scale else dataclasses.replace(end, dtype="int8", scale=FLOAT_STEP, zero_point=0)

    @property
    def multiple(self) -> int:
        """What both sides of its input are multiples of, at any size.

        Raises:
            UserError: it has no other size than its own.
        """
        return math.lcm(input_multiple(self.graph), input_step(self.heads))

    def resized(self, width: int, height: int) -> Finder:
        """The same for pictures of another size.

        Raises:
            UserError: it cannot take that size.
        """
        graph = with_input_size(self.graph, width, height)
        if graph is self.graph:
            return self
        heads = detector_heads(graph) if self.heads else ()
        if len(heads) != len(self.heads):
            raise UserError(f"{self.graph.name} has no whole cells in {width}x{height} pixels")
        return dataclasses.replace(self, data=write_tflite(graph), graph=graph, heads=heads)


def finder_of(source: Path | bytes | Graph) -> Finder:
    """Cut the mask part out of a mask head, or take a detector, or a net that puts out a mask, as it is.

    Args:
        source: a .tflite of a mask head, float or int8, one whose output is a mask of one channel, or a detector whose
            outputs are scores and boxes of anchors.

    Raises:
        UserError: the net has no mask and is no detector.
    """
    graph = source if isinstance(source, Graph) else read_tflite(source)
    if heads := detector_heads(graph):
        data = write_tflite(graph)
        return Finder(data, read_tflite(data, name=graph.name), BOX_CELL, BOX_CLAMP, heads)
    if _is_mask(graph, graph.outputs):
        return _finder(graph, _said_clamp(graph))
    head = _mask_op(graph)
    if head is None:
        raise UserError(
            f"{graph.name} has no mask, so it cannot find faces for a frame of another size: give a mask head (mask8 "
            "and others of `edgeblur models`, or one of `edgeblur distill --family mask`), or a detector"
        )
    clamp = _clamp(graph, head.outputs[0])
    said = _SAID.format(*clamp) if clamp else ""
    return _finder(dataclasses.replace(subgraph(graph, head.outputs), description=said), clamp)


def write_finder(source: Graph, out: Path, *, force: bool = False) -> Path:
    """Cut the mask part out of a mask head into a file of its own, with the same weights.

    Args:
        source: the mask head.
        out: the .tflite to write; the same bytes may be there already.
        force: replace what is there.

    Returns:
        `out`.

    Raises:
        UserError: the net has no mask, or something else is there.
    """
    data = finder_of(source).data
    if not out.is_file() or out.read_bytes() != data:
        refuse_place(out, force=force)
        write_bytes(out, data)
    return out


def has_mask(graph: Graph) -> bool:
    """Whether a net is a mask head, or puts out a mask."""
    return _is_mask(graph, graph.outputs) or _mask_op(graph) is not None


def _said_clamp(graph: Graph) -> tuple[float, float] | None:
    """What a finder's file says about the net that it was cut from."""
    found = re.fullmatch(r"edgeblur mask, clamp (0\.\d+|0):(0\.\d+|1)", graph.description)
    low, full = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    return (low, full) if low < full else None


def _finder(graph: Graph, clamp: tuple[float, float] | None) -> Finder:
    data = write_tflite(graph)
    model = image_model(read_tflite(data, name=graph.name))
    taken, given = model.input, model.output
    cell = taken.width // given.width
    if cell < 1 or (given.width * cell, given.height * cell) != (taken.width, taken.height):
        raise UserError(
            f"{graph.name} puts out a mask of {given.width}x{given.height} for {taken.width}x{taken.height} pixels: "
            "a finder's cells are squares of whole pixels"
        )
    if value_range(given) != (0.0, 1.0):
        raise UserError(f"the mask of {graph.name} does not go from 0 to 1: end the net with a sigmoid")
    return Finder(data, model.graph, cell, clamp)


def _is_mask(graph: Graph, outputs: Sequence[int]) -> bool:
    shape = graph.tensors[outputs[0]].shape if len(outputs) == 1 else ()
    return len(shape) == 4 and shape[3] == 1


def _mask_op(graph: Graph) -> Op | None:
    """The sigmoid whose single channel the rest of a mask head is made of; the last if there are several."""
    found = [op for op in graph.ops if op.kind == "LOGISTIC" and _is_mask(graph, op.outputs)]
    return found[-1] if found else None


def _clamp(graph: Graph, mask: int) -> tuple[float, float] | None:
    """What the 1x1 conv behind the mask says: `ReLU6(slope * mask - slope * threshold)`."""
    readers = [op for op in graph.ops if mask in op.inputs]
    if len(readers) != 1 or readers[0].kind != "CONV_2D" or len(readers[0].inputs) < 3:
        return None
    kernel, bias = (_single(graph, i) for i in readers[0].inputs[1:3])
    if not kernel or bias is None:
        return None
    low, full = -bias / kernel, (_TOP - bias) / kernel
    return (round(max(low, 0.0), 3), min(round(full, 3), 1.0)) if low < full <= 1.001 else None


def _single(graph: Graph, index: int) -> float | None:
    """The real value of a constant of one number, also where it is kept in 16 bits; None if it is none."""
    made = graph.producers.get(index)
    constant = graph.tensors[made.inputs[0] if made and made.kind == "DEQUANTIZE" else index]
    if not constant.is_plain or constant.elements != 1:
        return None
    value = float(constant.array().item())
    return (value - constant.zero_points[0]) * constant.scales[0] if constant.scales else value


def subgraph(graph: Graph, outputs: Sequence[int]) -> Graph:
    """The part of a graph that some of its tensors are made by; tensors and ops are numbered anew."""
    wanted, ops = set(outputs), list[Op]()
    for op in reversed(graph.ops):
        if wanted & set(op.outputs):
            ops.insert(0, op)
            wanted |= {i for i in op.inputs if i >= 0}
    wanted |= {*graph.inputs, *(i for op in ops for i in op.outputs)}
    number = {old: new for new, old in enumerate(sorted(wanted))} | {-1: -1}

    def renumbered(tensors: Sequence[int]) -> tuple[int, ...]:
        return tuple(number[i] for i in tensors)

    return dataclasses.replace(
        graph,
        tensors=tuple(dataclasses.replace(graph.tensors[old], index=number[old]) for old in sorted(wanted)),
        ops=tuple(
            dataclasses.replace(op, index=i, inputs=renumbered(op.inputs), outputs=renumbered(op.outputs))
            for i, op in enumerate(ops)
        ),
        inputs=renumbered(graph.inputs),
        outputs=renumbered(outputs),
        called=(),
    )
