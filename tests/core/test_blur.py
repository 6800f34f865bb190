"""Faces and their blur: what is inside the ellipse goes, what is outside stays byte for byte."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Box, Ellipse, Face
from edgeblur.pictures.images import Pixels


def noise(width: int = 96, height: int = 80, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def inside(ellipse: Ellipse, grow: float, width: int = 96, height: int = 80) -> np.ndarray:
    """Pixels whose centre lies in the ellipse, its axes multiplied by `grow`; written apart from the code tested."""
    y, x = np.mgrid[:height, :width] + 0.5
    turn = math.radians(ellipse.degrees)
    along = (x - ellipse.cx) * math.cos(turn) + (y - ellipse.cy) * math.sin(turn)
    across = -(x - ellipse.cx) * math.sin(turn) + (y - ellipse.cy) * math.cos(turn)
    return (2 * along / (ellipse.w * grow)) ** 2 + (2 * across / (ellipse.h * grow)) ** 2 <= 1


def roughness(pixels: Pixels) -> float:
    """Spread of the pixels: noise has much, a blur of noise little."""
    return float(pixels.astype(float).std())


FACE = Face.from_box(Box(30, 20, 30, 36))
TURNED = Face(Box(28, 22, 40, 36), Ellipse(48, 40, 44, 22, 35))


@pytest.mark.parametrize("face", [FACE, TURNED], ids=["upright", "turned"])
def test_the_ellipse_is_blurred_and_everything_else_is_untouched(face: Face) -> None:
    picture = noise()
    blurred, mask = blur_faces(picture, [face])
    before, after = np.asarray(picture), np.asarray(blurred)
    assert mask.shape == (80, 96)
    assert mask.dtype == np.uint8
    assert (mask[inside(face.ellipse, 1.0)] == 255).all()
    assert (mask[~inside(face.ellipse, 1.8)] == 0).all()
    assert (after[mask == 0] == before[mask == 0]).all()
    assert roughness(after[mask == 255]) < 0.15 * roughness(before[mask == 255])


def test_the_edge_is_soft_and_outside_the_grown_ellipse() -> None:
    _, mask = blur_faces(noise(), [FACE], BlurStyle(grow=1.0, feather=0.15))
    edge = mask[round(FACE.ellipse.cy), round(FACE.box.x + FACE.box.w) :].astype(int)
    steps = edge[edge > 0]
    assert (np.diff(edge) <= 0).all()
    assert len(set(steps)) > 3
    assert np.diff(steps).min() > -160  # no hard step
    assert steps[0] >= 240  # the face itself is covered fully


def test_nothing_to_blur() -> None:
    picture = noise()
    blurred, mask = blur_faces(picture, [])
    assert np.array_equal(np.asarray(blurred), np.asarray(picture))
    assert not mask.any()
    far = Face.from_box(Box(500, 500, 30, 30))
    assert np.array_equal(np.asarray(blur_faces(picture, [far])[0]), np.asarray(picture))


def test_the_given_picture_is_left_alone() -> None:
    picture = noise()
    copy = picture.copy()
    blur_faces(picture, [FACE])
    assert np.array_equal(np.asarray(picture), np.asarray(copy))


@pytest.mark.parametrize("box", [Box(-15, -10, 30, 30), Box(80, 60, 30, 40), Box(-20, -20, 200, 200)])
def test_a_face_cut_by_the_border_is_blurred_up_to_it(box: Box) -> None:
    face = Face.from_box(box)
    _, mask = blur_faces(noise(), [face])
    assert (mask[inside(face.ellipse, 1.0)] == 255).all()


def test_several_faces_near_each_other_all_go() -> None:
    faces = [FACE, Face.from_box(Box(50, 30, 18, 22)), Face.from_box(Box(5, 50, 12, 14))]
    picture = noise()
    blurred, mask = blur_faces(picture, faces)
    assert np.array_equal(mask, np.max([blur_faces(picture, [face])[1] for face in faces], axis=0))
    for face in faces:
        core = inside(face.ellipse, 0.9)
        assert roughness(np.asarray(blurred)[core]) < 0.35 * roughness(np.asarray(picture)[core])
    assert np.array_equal(np.asarray(blur_faces(picture, faces[::-1])[0]), np.asarray(blurred))


def test_the_blur_follows_the_size_of_the_face() -> None:
    """A picture twice as large with faces twice as large is blurred alike, so small faces lose as much as large."""
    small = noise(48, 40)
    large = small.resize((96, 80), Image.Resampling.NEAREST)
    face = Face.from_box(Box(10, 6, 20, 24))
    one, _ = blur_faces(small, [face])
    two, _ = blur_faces(large, [face.moved(0, 0, 2)])
    core = inside(face.ellipse, 0.8, 48, 40)
    shrunk = np.asarray(two.resize((48, 40), Image.Resampling.BOX)).astype(float)
    assert np.abs(shrunk - np.asarray(one))[core].mean() < 4


def test_a_stronger_blur_leaves_less() -> None:
    picture = noise().resize((24, 20)).resize((96, 80))  # coarse grain, as a face has
    core = inside(FACE.ellipse, 0.9)
    left = [
        roughness(np.asarray(blur_faces(picture, [FACE], BlurStyle(strength=strength))[0])[core])
        for strength in (0.05, 0.12, 0.3)
    ]
    assert left[0] > left[1] > left[2]


def test_boxes_overlap() -> None:
    box = Box(0, 0, 10, 10)
    assert box.iou(box) == 1
    assert box.iou(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert box.iou(Box(10, 0, 10, 10)) == 0
    assert Box(2, 2, 5, 5).iou(box) == box.iou(Box(2, 2, 5, 5)) == 0.25
    assert Box(0, 0, 4, 9).side == 9


def test_faces_survive_moving_and_json() -> None:
    moved = TURNED.moved(-28, -22, 0.5)
    assert moved.box == Box(0, 0, 20, 18)
    assert moved.ellipse == Ellipse(10, 9, 22, 11, 35)
    assert Face.from_json(TURNED.as_json()) == TURNED


@pytest.mark.parametrize("ellipse", [Ellipse(40, 30, 20, 28, 30), Ellipse(40, 30, 28, 20, -50), Ellipse(9, 8, 6, 6)])
@pytest.mark.parametrize(("wide", "tall"), [(1.0, 0.5), (0.4, 1.3), (2.0, 2.0)])
def test_an_ellipse_is_scaled_with_the_picture(ellipse: Ellipse, wide: float, tall: float) -> None:
    def outside(points: Any, e: Ellipse) -> Any:
        """1 on the ellipse's line."""
        turn = math.radians(e.degrees)
        x, y = points[0] - e.cx, points[1] - e.cy
        along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
        return (2 * along / e.w) ** 2 + (2 * across / e.h) ** 2

    angle, turn = np.linspace(0, 6, 20), math.radians(ellipse.degrees)
    along, across = ellipse.w / 2 * np.cos(angle), ellipse.h / 2 * np.sin(angle)
    line = np.stack([
        ellipse.cx + along * math.cos(turn) - across * math.sin(turn),
        ellipse.cy + along * math.sin(turn) + across * math.cos(turn),
    ])  # fmt: skip
    np.testing.assert_allclose(outside(line, ellipse), 1)
    np.testing.assert_allclose(outside(line * [[wide], [tall]], ellipse.scaled(wide, tall)), 1)


@pytest.mark.parametrize(
    "damage",
    [
        {"box": [0, 0, 10]},
        {"box": [0, 0, 10, 0]},
        {"box": [0, 0, float("nan"), 5]},
        {"ellipse": [0, 0, -3, 5, 0]},
        {"ellipse": ["left", 0, 3, 5, 0]},
    ],
)
def test_damaged_faces_are_refused(damage: dict[str, list[object]]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Face.from_json({**FACE.as_json(), **damage})
