"""A face detector of anchors (SSD, BlazeFace) among the outputs of a net: which ones say what, and of which anchors.

Liu et al. 2016, "SSD: Single Shot MultiBox Detector"; Bazarevsky et al. 2019, arXiv:1907.05047. Such a net lays grids
over its picture, coarser and coarser, and has two outputs of each: a score (a logit) for each anchor of a cell, and a
box. A box begins with its centre, as an offset from the middle of the cell, its width and its height, all in pixels of
the net's input; what may follow (landmarks) is not read.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from edgeblur.export.tflite.graph import Graph

_BOX = 4
"""Numbers of a box: x and y of its centre, width, height."""
FLOAT_STEP = 1 / 16
"""Of scores in floats, where they are compared as steps of int8: a float detector is veiled on the host alone."""


@dataclass(frozen=True)
class Head:
    """A grid of anchors.

    Attributes:
        scores, boxes: numbers of the two outputs among the graph's.
        height, width: cells of the grid.
        stride: pixels of the input from cell to cell.
        anchors: of each cell.
        values: numbers of each box, four or more.
    """

    scores: int
    boxes: int
    height: int
    width: int
    stride: int
    anchors: int
    values: int


def detector_heads(graph: Graph) -> tuple[Head, ...]:
    """The heads of a detector, the finest grid first; none of a net that is no detector."""
    if len(graph.inputs) != 1 or len(graph.tensors[graph.inputs[0]].shape) != 4:
        return ()
    grids = defaultdict[tuple[int, ...], list[int]](list)
    for number, index in enumerate(graph.outputs):
        grids[graph.tensors[index].shape[:3]].append(number)
    found = [_head(graph, grid, outputs) for grid, outputs in grids.items()]
    heads = [head for head in found if head is not None]
    if len(heads) < len(found) or len({head.values for head in heads}) != 1:
        return ()
    return tuple(sorted(heads, key=lambda head: head.stride))


def _head(graph: Graph, grid: tuple[int, ...], outputs: list[int]) -> Head | None:
    """Two outputs of one grid as scores and boxes."""
    shapes = [graph.tensors[graph.outputs[number]].shape for number in outputs]
    if len(outputs) != 2 or any(len(shape) != 4 or shape[0] != 1 for shape in shapes):
        return None
    (anchors, scores), (numbers, boxes) = sorted((shape[3], n) for shape, n in zip(shapes, outputs, strict=True))
    _, tall, wide, _ = graph.tensors[graph.inputs[0]].shape
    _, height, width = grid
    stride = wide // width
    if numbers % anchors or numbers // anchors < _BOX or (width * stride, height * stride) != (wide, tall):
        return None
    return Head(scores, boxes, height, width, stride, anchors, numbers // anchors)


def input_step(heads: tuple[Head, ...]) -> int:
    """The number of pixels that both sides of a detector's input are multiples of, so that all cells are whole."""
    return math.lcm(*(head.stride for head in heads))
