"""dlib's detector of frontal faces (King 2015, arXiv:1502.00046), by histograms of gradients (Dalal and Triggs 2005).

The weights are part of dlib itself. Its window is 80 pixels wide, so small pictures are enlarged: of the faces of 16
pixels and more in photos of 128 pixels it then finds two thirds, and it never took part in making our labels.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from edgeblur.detectors.detector import Finding
from edgeblur.detectors.mmod import finding
from edgeblur.errors import missing_package

_SIDE = 640  # pixels: the longer side of what it sees
_SLOPE = 4.0  # of its margin, as a score from 0 to 1: dlib's own limit, a margin of 0, is a score of 0.5
_LABELLED = (0.0, 0.0, 1.0, 1.0)


class HOG:
    """The detector, loaded; call it with a picture and a threshold."""

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise missing_package("dlib-bin", "identity", error) from error
        self._detector = dlib.get_frontal_face_detector()

    def __call__(self, picture: Image.Image, threshold: float) -> list[Finding]:
        """Find faces in an RGB picture of any size."""
        scale = _SIDE / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        canvas = picture.resize((width, height), Image.Resampling.BICUBIC)
        margin = -math.log(1 / threshold - 1) / _SLOPE
        rectangles, margins, _ = self._detector.run(np.asarray(canvas), 0, margin)
        scores = (1 / (1 + math.exp(-_SLOPE * each)) for each in margins)
        return [finding(rect, score, scale, _LABELLED) for rect, score in zip(rectangles, scores, strict=True)]
