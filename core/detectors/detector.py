"""Pretrained face detectors: approach A, labels for photos without any, and the judge of the leak rate.

Measured on 150 pictures of the test split of our photos (247 faces, 8 to 200 pixels) and 80 pictures without a
face, longest side 256 pixels, each at its own threshold 0.4; see docs of each detector's file for the choices:

| detector | recall / precision, IoU >= 0.5 | IoU >= 0.3 | pictures without a face where it finds one |
|---|---|---|---|
| centerface | 0.964 / 0.996 | 0.964 / 0.996 | 1 of 80 |
| blazeface | 0.866 / 0.955 | 0.883 / 0.973 | 4 of 80 |

The labels were made with CenterFace's help, so its own figures flatter it. `mtcnn`, `hog` and `mmod` are further
judges: other nets, other training photos.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from edgeblur.errors import UserError
from edgeblur.pictures.faces import Box, Ellipse, Face

_SHORTEST_EYE_LINE = 0.25  # of the box's width: in profile the eyes lie so close that their line says nothing
_LARGEST_TURN_DEGREES = 45.0


class Finding(NamedTuple):
    """What a network found: a box from hairline to chin, its score, and the eyes, left in the picture first."""

    box: Box
    score: float
    eyes: tuple[tuple[float, float], tuple[float, float]]


Find = Callable[[Image.Image, float], list[Finding]]
"""A loaded network: RGB picture of any size and threshold in, findings in the picture's pixels out."""


@dataclass(frozen=True)
class Detector:
    """A loaded detector.

    Attributes:
        name: one of `DETECTORS` in open.py.
        threshold: the score from which a finding counts as a face, where the caller names none.
        find: the network behind it.
    """

    name: str
    threshold: float
    find: Find

    def detect(self, picture: Image.Image, threshold: float | None = None) -> tuple[Face, ...]:
        """Find the faces of a picture, the surest first.

        Args:
            picture: RGB, any size; how it is enlarged for the network is the detector's affair.
            threshold: between 0 and 1; the detector's own by default.

        Returns:
            Faces in the picture's pixels; their ellipses lean as their eyes do.

        Raises:
            UserError: the threshold is not between 0 and 1.
        """
        chosen = self.threshold if threshold is None else threshold
        if not 0 < chosen < 1:
            raise UserError(f"a detector's threshold lies between 0 and 1, got {chosen}")
        findings = sorted(self.find(picture, chosen), key=lambda f: -f.score)
        return tuple(_as_face(finding) for finding in findings)


def _as_face(finding: Finding) -> Face:
    """A face whose ellipse fills the box, turned by the line through the eyes where that can be trusted."""
    box, ((left_x, left_y), (right_x, right_y)) = finding.box, finding.eyes
    turn = 0.0
    if math.hypot(right_x - left_x, right_y - left_y) > _SHORTEST_EYE_LINE * box.w:
        turn = math.degrees(math.atan2(right_y - left_y, right_x - left_x))
        turn = max(-_LARGEST_TURN_DEGREES, min(_LARGEST_TURN_DEGREES, turn))
    ellipse = Ellipse(box.x + box.w / 2, box.y + box.h / 2, box.w, box.h, turn)
    return Face(box, ellipse, finding.score)


def suppress(findings: list[Finding], min_iou: float) -> list[Finding]:
    """Keep the surest of findings that overlap by `min_iou` or more (non-maximum suppression)."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda f: -f.score):
        if all(finding.box.iou(other.box) < min_iou for other in kept):
            kept.append(finding)
    return kept
