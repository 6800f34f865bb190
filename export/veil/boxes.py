"""A detector's outputs as boxes, and boxes as a mask of cells: the reference in NumPy, which the C on boards repeats.

    scores and boxes of all anchors -> candidates -> suppressed -> ellipses -> a mask whose cells hold scores

All in integers. Lengths are sixteenths of a pixel of the net's input; `>>` of what is never negative.

    number i of a box:  v[i] = ((q[i] + 128) * m >> 16) - ((z + 128) * m >> 16),  m = round(scale * 16 * 65536)
    its centre:         x = v[0] + (2 * column + 1) * stride * 8, y alike;  width v[2], height v[3], both above 0
    candidates:         anchors whose score has a level above 0 (`VeilPlan.levels`), in order of heads, rows, columns
    suppression:        the highest score first, of equals the first; whatever overlaps it by more than 77/256 of their
                        union goes (Neubeck and Van Gool 2006, "Efficient Non-Maximum Suppression")
    an ellipse:         centre (x, y - (height * SHIFT_UP >> 8)), half axes width * HALF_WIDTH >> 8 and height *
                        HALF_HEIGHT >> 8; a cell belongs to it whose centre lies inside, and the cell that its own
                        centre lies in
    the mask:           of each cell the highest score of the ellipses that it belongs to

More than `MOST` candidates are a picture that nobody can say much about: then every cell has the highest score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import FLOAT_STEP, Head
from edgeblur.export.tflite.graph import Graph

MOST = 256
"""Candidates that a board keeps; the fullest of 332 photos of ours had 43."""
SAME_FACE = 77
"""Of 256 parts of the union: MediaPipe's 0.3."""

SHIFT_UP, HALF_WIDTH, HALF_HEIGHT = 14, 149, 201
"""From BlazeFace's square, eyebrows to chin, to the ellipse that a target blurs, in 1/256 of the square's sides: a face
from hairline to chin (`edgeblur.detectors.blazeface`: 0.86 and 1.161 of the square, 0.053 higher), grown by 1.35."""

_UNIT = 16
_FRACTION = 16
_LARGEST_SIDE = 1024
"""Pixels: what is squared in an ellipse's equation stays below 2**64."""

Steps = NDArray[np.int8]


class Box(NamedTuple):
    """A candidate: sixteenths of a pixel of the net's input, and the score's step."""

    x: int
    y: int
    width: int
    height: int
    score: int


@dataclass(frozen=True)
class Decoder:
    """How the numbers of one head become lengths.

    Attributes:
        head: which.
        factor: `m` above; 0 for a head in floats, which are pixels.
        zero: what is taken off, so that the zero point means 0.
    """

    head: Head
    factor: int
    zero: int

    def length(self, steps: NDArray[Any]) -> NDArray[np.int64]:
        """Steps -128 to 127 as sixteenths of a pixel."""
        if not self.factor:
            pixels: NDArray[np.float64] = np.clip(steps.astype(np.float64), -_LARGEST_SIDE, _LARGEST_SIDE)
            parts: NDArray[np.int64] = np.floor(_UNIT * pixels).astype(np.int64)
            return parts
        return ((steps.astype(np.int64) + 128) * self.factor >> _FRACTION) - self.zero


@dataclass(frozen=True)
class BoxPlan:
    """What a detector's boxes are made of.

    Attributes:
        decoders: one a head, the finest grid first.
        cells: rows and columns of the mask.
        cell_px: pixels of the input that a cell stands for, along each side.
    """

    decoders: tuple[Decoder, ...]
    cells: tuple[int, int]
    cell_px: int

    @property
    def anchors(self) -> int:
        """Of all heads."""
        return sum(d.head.height * d.head.width * d.head.anchors for d in self.decoders)

    @property
    def most(self) -> int:
        """Candidates that are kept."""
        return min(MOST, self.anchors)


def plan_boxes(graph: Graph, heads: Sequence[Head], cell_px: int) -> BoxPlan:
    """Numbers for a detector's outputs, int8 or float.

    Raises:
        UserError: they are neither, its scores have several scales, or its lengths do not fit 16 bits.
    """
    _, tall, wide, _ = graph.tensors[graph.inputs[0]].shape
    ends = [graph.tensors[graph.outputs[head.scores]] for head in heads]
    if {graph.tensors[index].dtype for index in graph.outputs} not in ({"int8"}, {"float32"}):
        raise UserError(f"the boxes of {graph.name} are not int8: quantize it first")
    if len({(end.scales, end.zero_points) for end in ends}) > 1:
        raise UserError(f"the scores of {graph.name} have several scales, so that they cannot be compared in int8")
    if max(wide, tall) > _LARGEST_SIDE:
        raise UserError(f"{graph.name} looks at {wide}x{tall} pixels: boxes are found in up to {_LARGEST_SIDE}")
    decoders = tuple(_decoder(graph, head) for head in heads)
    return BoxPlan(decoders, (tall // cell_px, wide // cell_px), cell_px)


def _decoder(graph: Graph, head: Head) -> Decoder:
    end = graph.tensors[graph.outputs[head.boxes]]
    if not end.scales:
        return Decoder(head, 0, 0)
    factor = round(end.scales[0] * _UNIT * (1 << _FRACTION))
    if factor < 1 or (255 * factor >> _FRACTION) + _UNIT * max(graph.tensors[graph.inputs[0]].shape) >= 1 << 15:
        raise UserError(f"the boxes of {graph.name} have a scale of {end.scales[0]:g} pixels: lengths leave 16 bits")
    return Decoder(head, factor, (end.zero_points[0] + 128) * factor >> _FRACTION)


def candidates(outputs: Sequence[NDArray[Any]], plan: BoxPlan, levels: bytes) -> list[Box]:
    """Anchors whose score has a level, in their order.

    Args:
        outputs: of the net, as it gives them: `[1, height, width, channels]`, int8 or float.
        plan: of the boxes.
        levels: by a score's unsigned step.
    """
    table, found = np.frombuffer(levels, np.uint8), list[Box]()
    for decoder in plan.decoders:
        head = decoder.head
        scores = _steps(outputs[head.scores]).reshape(head.height, head.width, head.anchors)
        boxes = outputs[head.boxes].reshape(head.height, head.width, head.anchors, head.values)[..., :4]
        for row, column, anchor in np.argwhere(table[np.ascontiguousarray(scores).view(np.uint8)] > 0).tolist():
            x, y, width, height = decoder.length(boxes[row, column, anchor]).tolist()
            middle = head.stride * _UNIT // 2
            place = x + (2 * column + 1) * middle, y + (2 * row + 1) * middle
            if width > 0 and height > 0:
                found.append(Box(*place, width, height, int(scores[row, column, anchor])))
    return found


def _steps(scores: NDArray[Any]) -> Steps:
    """Scores as int8 steps; those in floats are rounded to steps of `FLOAT_STEP`."""
    if scores.dtype == np.int8:
        return scores
    steps: Steps = np.clip(np.rint(scores / FLOAT_STEP), -128, 127).astype(np.int8)
    return steps


def suppress(boxes: Sequence[Box]) -> list[Box]:
    """The boxes that stay, the highest score first."""
    kept = list[Box]()
    for box in sorted(boxes, key=lambda box: -box.score):  # of equals the first: the sort is stable
        if not any(_is_same(box, other) for other in kept):
            kept.append(box)
    return kept


def _is_same(a: Box, b: Box) -> bool:
    """Whether two boxes overlap by more than SAME_FACE; everything doubled, so that halves are whole."""
    wide = min(2 * a.x + a.width, 2 * b.x + b.width) - max(2 * a.x - a.width, 2 * b.x - b.width)
    tall = min(2 * a.y + a.height, 2 * b.y + b.height) - max(2 * a.y - a.height, 2 * b.y - b.height)
    if wide <= 0 or tall <= 0:
        return False
    both = wide * tall
    return both * 256 > SAME_FACE * (4 * (a.width * a.height + b.width * b.height) - both)


def draw(boxes: Sequence[Box], plan: BoxPlan) -> Steps:
    """Boxes as ellipses in the mask, `[rows, columns]`: the highest score at each cell, -128 where there is none."""
    mask = np.full(plan.cells, -128, np.int8)
    side = plan.cell_px * _UNIT
    rows, columns = (np.arange(count, dtype=np.int64) * side + side // 2 for count in plan.cells)
    for box in boxes:
        y = box.y - (box.height * SHIFT_UP >> 8)
        half_x, half_y = box.width * HALF_WIDTH >> 8, box.height * HALF_HEIGHT >> 8
        across, down = (columns - box.x) * half_y, (rows - y) * half_x
        inside = across[None] ** 2 + down[:, None] ** 2 <= (half_x * half_y) ** 2
        inside[_cell(y, side, plan.cells[0]), _cell(box.x, side, plan.cells[1])] = True
        mask[inside] = np.maximum(mask[inside], box.score)
    return mask


def _cell(place: int, side: int, count: int) -> int:
    """The cell that a place lies in, or the nearest one."""
    return min(max(place, 0) // side, count - 1)


def mask_of_boxes(outputs: Sequence[NDArray[Any]], plan: BoxPlan, levels: bytes) -> Steps:
    """A detector's outputs as a mask, `[rows, columns]` steps of its scores.

    Args:
        outputs, plan, levels: as `candidates` takes them.
    """
    found = candidates(outputs, plan, levels)
    if len(found) > plan.most:
        return np.full(plan.cells, 127, np.int8)
    return draw(suppress(found), plan)
