"""MTCNN (Zhang et al. 2016, arXiv:1604.02878) with the weights of the package `mtcnn`, on onnxruntime.

A cascade of three small nets: one looks for 12x12 pixels of face over a pyramid of sizes, the second and the third look
again, larger, at what the one before proposed. The weights are run here and not by that package: its code imports
TensorFlow and builds its nets anew for each picture size.

On 100 pictures of the training split, 192 pixels wide, it finds 0.91 of the faces of 16 pixels and more at a threshold
of 0.7 (0.94 at 0.4), and something in 1 (6) of 50 pictures without a face.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.detectors.detector import Finding
from edgeblur.errors import UserError, missing_package
from edgeblur.pictures.faces import Box

_SIDE, _LARGEST_SIDE = 384, 960  # pixels: the longer side of what the cascade sees, at least and at most
_SMALLEST = 20  # pixels of it: the smallest face that is looked for
_CELL, _STRIDE, _PYRAMID = 12, 2, 0.709  # of the first net: its window, its step, and from one size to the next
_SURE = (0.6, 0.7)  # scores that the first two nets must give; the caller's threshold is the third's
_TRUNKS = {  # each conv and dense layer has a PReLU behind it; behind the last come the heads
    "pnet": ("conv", "pool 2 SAME_UPPER", "conv", "conv"),
    "rnet": ("conv", "pool 3 SAME_UPPER", "conv", "pool 3 VALID", "conv", "flat", "dense"),
    "onet": ("conv", "pool 3 SAME_UPPER", "conv", "pool 3 VALID", "conv", "pool 2 SAME_UPPER", "conv", "flat", "dense"),
}
_HEADS = {"pnet": ("box", "face"), "rnet": ("box", "face"), "onet": ("box", "points", "face")}
_SIDES = {"rnet": 24, "onet": 48}

# The cascade's boxes are nearly what our labels call a face, from hairline to chin. These shares of a box's width and
# height make them so: medians over 161 labelled faces of the training split (shift of the centre, then factors).
_SHIFT_X, _SHIFT_Y, _FACTOR_W, _FACTOR_H = 0.03, 0.021, 1.012, 1.028

_Floats = NDArray[np.float32]


class MTCNN:
    """The three nets, loaded; call it with a picture and a threshold."""

    def __init__(self) -> None:
        self._nets = {name: _session(name) for name in _TRUNKS}

    def __call__(self, picture: Image.Image, threshold: float) -> list[Finding]:
        """Find faces in an RGB picture of any size."""
        longer = max(picture.size)
        scale = min(max(longer, _SIDE), _LARGEST_SIDE) / longer
        width, height = (max(1, round(side * scale)) for side in picture.size)
        canvas = picture.resize((width, height), Image.Resampling.BICUBIC)
        boxes = self._proposed(canvas)
        boxes, scores, _ = self._looked_at("rnet", canvas, _squared(boxes), _SURE[1])
        boxes = boxes[_kept(boxes, scores, 0.7)]
        boxes, scores, points = self._looked_at("onet", canvas, _squared(boxes), threshold)
        kept = _kept(boxes, scores, 0.7, of_smaller=True)
        rows = zip((boxes[kept] / scale).tolist(), scores[kept].tolist(), (points[kept] / scale).tolist(), strict=True)
        return [_finding(*row) for row in rows if row[0][2] > row[0][0] and row[0][3] > row[0][1]]

    def _run(self, name: str, pictures: _Floats) -> dict[str, _Floats]:
        """A net's heads for pictures `[n, h, w, 3]` of 0 to 255; channels last."""
        outputs = self._nets[name].run(None, {"pixels": ((pictures - 127.5) / 128).transpose(0, 3, 1, 2)})
        return {head: np.moveaxis(values, 1, -1) for head, values in zip(_HEADS[name], outputs, strict=True)}

    def _proposed(self, canvas: Image.Image) -> _Floats:
        """What the first net proposes, at all sizes: left, top, right, bottom, `[n, 4]`, in pixels of the canvas."""
        boxes, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        shrink = _CELL / _SMALLEST
        while min(canvas.size) * shrink >= _CELL:
            size = (round(canvas.width * shrink), round(canvas.height * shrink))
            heads = self._run("pnet", np.asarray(canvas.resize(size, Image.Resampling.BILINEAR), np.float32)[None])
            face = _probability(heads["face"][0])
            rows, columns = np.nonzero(face > _SURE[0])
            corners = _STRIDE * np.stack([columns, rows, columns, rows], 1) + np.array([0, 0, _CELL, _CELL])
            some = ((corners + _CELL * heads["box"][0, rows, columns]) / shrink).astype(np.float32)
            kept = _kept(some, face[rows, columns], 0.5)
            boxes.append(some[kept])
            scores.append(face[rows, columns][kept])
            shrink *= _PYRAMID
        together = np.concatenate(boxes)
        return together[_kept(together, np.concatenate(scores), 0.7)]

    def _looked_at(
        self, name: str, canvas: Image.Image, boxes: _Floats, threshold: float
    ) -> tuple[_Floats, _Floats, _Floats]:
        """What a later net makes of proposals: better boxes `[n, 4]`, scores `[n]`, five landmarks `[n, 5, 2]`.

        Those below the threshold are gone; only the last net gives landmarks, others leave zeros.
        """
        if not len(boxes):
            return boxes, np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
        side = _SIDES[name]
        cuts = np.stack([_cut(canvas, box, side) for box in boxes.tolist()])
        heads = self._run(name, cuts)
        scores = _probability(heads["face"])
        sides = (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]  # [n, 1, 2]
        better = boxes + (heads["box"].reshape(-1, 2, 2) * sides).reshape(-1, 4)
        points = (
            heads["points"].reshape(-1, 2, 5).transpose(0, 2, 1) if "points" in heads else np.zeros((len(boxes), 5, 2))
        )
        sure = scores >= threshold
        return better[sure], scores[sure], (boxes[:, None, :2] + points * sides)[sure]


def _cut(canvas: Image.Image, box: list[float], side: int) -> _Floats:
    """A square of the canvas at the size that a net takes; grey beyond the canvas, as in the training of the nets."""
    size, grey = (side, side), (128, 128, 128)
    cut = canvas.transform(size, Image.Transform.EXTENT, tuple(box), Image.Resampling.BILINEAR, fillcolor=grey)
    return np.asarray(cut, np.float32)


def _probability(logits: _Floats) -> _Floats:
    """Of a face, from the two numbers `[..., 2]` for none and for one."""
    return np.asarray(1 / (1 + np.exp(logits[..., 0] - logits[..., 1])), np.float32)


def _squared(boxes: _Floats) -> _Floats:
    """Boxes `[n, 4]` with their shorter side as long as the longer, about the same centre."""
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    half = sides.max(1, keepdims=True) / 2
    return np.concatenate([middle - half, middle + half], 1)


def _kept(boxes: _Floats, scores: _Floats, limit: float, *, of_smaller: bool = False) -> NDArray[np.intp]:
    """Which of boxes `[n, 4]` are left when those go that overlap a surer one by more than `limit`, surest first.

    The overlap is the share of both together, or of the smaller box.
    """
    area = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    left, kept = np.argsort(-scores), []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        low, high = np.maximum(boxes[first, :2], boxes[left, :2]), np.minimum(boxes[first, 2:], boxes[left, 2:])
        both = (high - low).clip(0).prod(1)
        whole = np.minimum(area[first], area[left]) if of_smaller else area[first] + area[left] - both
        left = left[both <= limit * whole]
    return np.array(kept, np.intp)


def _finding(corners: list[float], score: float, points: list[list[float]]) -> Finding:
    """From `left, top, right, bottom` and landmarks, of which the eyes come first; its box as our labels draw it."""
    left, top, right, bottom = corners
    wide, tall = right - left, bottom - top
    cx, cy = left + wide * (0.5 + _SHIFT_X), top + tall * (0.5 + _SHIFT_Y)
    w, h = wide * _FACTOR_W, tall * _FACTOR_H
    eyes = ((points[0][0], points[0][1]), (points[1][0], points[1][1]))
    return Finding(Box(cx - w / 2, cy - h / 2, w, h), score, eyes)


def _weights(name: str) -> list[_Floats]:
    """The arrays of one net, in the order of its layers, found without importing their package."""
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or spec.origin is None:
        raise missing_package("mtcnn", "detect")
    path = Path(spec.origin).parent / "assets" / "weights" / f"{name}.lz4"
    if not path.is_file():
        raise UserError(f"{path} is missing: install mtcnn again (1.0 has it)")
    try:
        import joblib

        arrays: list[_Floats] = joblib.load(path)
    except (ModuleNotFoundError, ValueError) as error:  # joblib reports a missing lz4 as a ValueError
        raise missing_package("joblib and lz4", "detect") from error
    return arrays


def _session(name: str) -> Any:
    """One net, ready to run: `pixels` `[n, 3, h, w]` to its heads, each `[n, c, h, w]` or `[n, c]`."""
    weights = _weights(name)
    try:
        model = _model(name, weights)
        import onnxruntime
    except ImportError as error:
        raise missing_package(error.name or "onnxruntime", "detect", error) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _model(name: str, weights: list[_Floats]) -> Any:
    """One net as an ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    left = iter(weights)
    nodes: list[Any] = []
    tensors: list[Any] = []

    def tensor(values: _Floats) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), f"w{len(tensors)}"))
        return str(tensors[-1].name)

    def node(kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [out or f"x{len(nodes)}"], **attributes))
        return str(nodes[-1].output[0])

    def layer(x: str, out: str = "") -> str:
        kernel, bias = next(left), next(left)
        if kernel.ndim == 4:  # [h, w, in, out] in TensorFlow
            return node("Conv", x, tensor(kernel.transpose(3, 2, 0, 1)), tensor(bias), out=out)
        return node("Gemm", x, tensor(kernel), tensor(bias), out=out)

    x = "pixels"
    for step in _TRUNKS[name]:
        if step == "flat":  # columns before rows before channels, as in Caffe, where the weights were learnt
            x = node("Flatten", node("Transpose", x, perm=[0, 3, 2, 1]))
        elif step in ("conv", "dense"):
            x = layer(x)
            slope = next(left).ravel()
            x = node("PRelu", x, tensor(slope[:, None, None] if step == "conv" else slope))
        else:
            _, side, pad = step.split()
            x = node("MaxPool", x, kernel_shape=[int(side)] * 2, strides=[2, 2], auto_pad=pad)
    for head in _HEADS[name]:
        layer(x, out=head)
    shape = ["n", 3, "h", "w"]
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)]
    values = [helper.make_tensor_value_info(head, TensorProto.FLOAT, None) for head in _HEADS[name]]
    graph = helper.make_graph(nodes, name, inputs, values, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
