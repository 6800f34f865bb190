"""What int8 took from a detector: of the faces that its float net finds, how many the int8 net finds as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.detectors.detector import Finding, suppress
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.veil import boxes as integers
from edgeblur.pictures.faces import Box
from edgeblur.pictures.images import Floats
from edgeblur.progress import track
from edgeblur.quantize.detector import DetectorNets
from edgeblur.quantize.integers import as_steps
from edgeblur.quantize.ranges import KeptRun

THRESHOLD = 0.5
"""The score from which a finding counts as a face: MediaPipe's own."""
SAME_FACE_IOU = 0.5
"""Two findings are one face if they overlap so far."""
_SUPPRESSED_IOU = 0.3
_NO_EYES = ((0.0, 0.0), (0.0, 0.0))
_CELL = 4
_PARTS = 16
"""Of a pixel, in which boxes are counted in integers."""


@dataclass(frozen=True)
class Found:
    """Faces of all pictures.

    Attributes:
        pictures: how many were looked at.
        exact: faces that the float net finds.
        kept: of these, found by the int8 net as well.
        new: findings of the int8 net where the float net finds nothing.
        threshold: the score from which a finding counts.
    """

    pictures: int
    exact: int
    kept: int
    new: int
    threshold: float = THRESHOLD

    @property
    def kept_share(self) -> float | None:
        """0 to 1; None if there was nothing to find."""
        return self.kept / self.exact if self.exact else None


def compare_findings(nets: DetectorNets, pictures: Sequence[Floats], threshold: float = THRESHOLD) -> Found:
    """Run pictures through both nets; the int8 one's boxes are decoded in integers, as on a board.

    Args:
        nets: before and after quantization.
        pictures: each `[1, height, width, 3]`, 0 to 1, of the nets' size.
        threshold: the score from which a finding counts, for both.
    """
    find_exact, find_int8 = _ExactNet(nets.exact, threshold), _Int8Net(nets.int8, threshold)
    exact = kept = new = 0
    for picture in track(pictures, "comparing int8 with float"):
        ours, theirs = find_exact.find(2 * picture - 1), find_int8.find(2 * picture - 1)
        exact += len(ours)
        kept += sum(_is_among(box, theirs) for box in ours)
        new += sum(not _is_among(box, ours) for box in theirs)
    return Found(len(pictures), exact, kept, new, threshold)


def _is_among(box: Box, others: Sequence[Box]) -> bool:
    return any(box.iou(other) >= SAME_FACE_IOU for other in others)


class _ExactNet:
    """The float net: boxes decoded in floats."""

    def __init__(self, graph: Graph, threshold: float) -> None:
        self._graph, self._run, self._heads = graph, KeptRun(graph), detector_heads(graph)
        self._least = math.log(threshold / (1 - threshold))

    def find(self, picture: Floats) -> list[Box]:
        self._run.run(picture)
        found = [finding for head in range(len(self._heads)) for finding in self._findings(head)]
        return [finding.box for finding in suppress(found, _SUPPRESSED_IOU)]

    def _findings(self, number: int) -> list[Finding]:
        head = self._heads[number]
        scores = self._run.get(self._graph.outputs[head.scores]).reshape(head.height, head.width, head.anchors)
        boxes = self._run.get(self._graph.outputs[head.boxes]).reshape(*scores.shape, head.values)
        found = []
        for row, column, anchor in np.argwhere(scores >= self._least).tolist():
            x, y, width, height = boxes[row, column, anchor, :4].astype(float).tolist()
            left, top = (column + 0.5) * head.stride + x - width / 2, (row + 0.5) * head.stride + y - height / 2
            found.append(Finding(Box(left, top, width, height), float(scores[row, column, anchor]), _NO_EYES))
        return [finding for finding in found if finding.box.w > 0 and finding.box.h > 0]


class _Int8Net:
    """The int8 net: boxes decoded and suppressed in integers."""

    def __init__(self, graph: Graph, threshold: float) -> None:
        self._graph, self._run = graph, KeptRun(graph)
        heads = detector_heads(graph)
        self._plan = integers.plan_boxes(graph, heads, _CELL)
        end = graph.tensors[graph.outputs[heads[0].scores]]
        real = (np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float64) - end.zero_points[0]) * end.scales[0]
        self._levels = (real >= math.log(threshold / (1 - threshold))).astype(np.uint8).tobytes()

    def find(self, picture: Floats) -> list[Box]:
        self._run.run(as_steps(picture, self._graph.tensors[self._graph.inputs[0]]))
        outputs: list[NDArray[Any]] = [self._run.get(index) for index in self._graph.outputs]
        return [_box(box) for box in integers.suppress(integers.candidates(outputs, self._plan, self._levels))]


def _box(box: integers.Box) -> Box:
    x, y, width, height = (number / _PARTS for number in box[:4])
    return Box(x - width / 2, y - height / 2, width, height)
