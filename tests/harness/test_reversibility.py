"""The attack that tries to undo a blur, trained for seconds on drawn faces."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.firmware_harness.privacy.identity import Blur
from edgeblur.firmware_harness.privacy.reversibility import (
    AttackOptions,
    Reversal,
    attack_pairs,
    measure_reversal,
    train_attack,
)
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.store.dataset import Dataset

QUICK = AttackOptions(steps=60, batch=4, pictures=12, learning_rate=5e-3)


def blurred_by(strength: float) -> Blur:
    style = BlurStyle(strength=strength)
    return lambda picture, faces: np.asarray(blur_faces(Image.fromarray(picture), faces, style)[0])


def attacked(data: Dataset, blur: Blur, options: AttackOptions = QUICK) -> Reversal:
    """The faces that it was trained on are restored: whether it learns at all, not how well."""
    triples = [data.load(sample) for sample in data.split("train")]
    return measure_reversal(data, triples, blur, None, options)


def faded(picture: Pixels, faces: tuple[Face, ...]) -> Pixels:
    """No blur at all: faces lose half of their contrast, which a net can give back."""
    _, mask = blur_faces(Image.fromarray(picture), faces)
    share = mask[..., None] / 255
    return np.rint(picture * (1 - share) + (picture / 2 + 64) * share).astype(np.uint8)


@pytest.fixture(scope="module")
def fading(tiny_data: Dataset) -> Reversal:
    return attacked(tiny_data, faded)


def test_what_can_be_undone_is_undone(fading: Reversal) -> None:
    assert fading.gain_db > 0.7
    assert fading.identity is None
    data = fading.as_json()
    assert "identity" not in data
    assert (data["steps"], data["seed"], data["pictures"]) == (60, 0, 12)
    assert data["restored_db"] - data["blurred_db"] == pytest.approx(data["gain_db"], abs=2e-3)


def test_a_strong_blur_is_hardly_undone(tiny_data: Dataset, fading: Reversal) -> None:
    assert attacked(tiny_data, blurred_by(0.3)).gain_db < fading.gain_db / 2


def test_the_same_seed_makes_the_same_attack_on_odd_sizes_too(tiny_data: Dataset) -> None:
    options = AttackOptions(steps=2, batch=2, pictures=2, seed=5)
    pairs = attack_pairs(tiny_data, (31, 29), faded, options)
    first, again = (train_attack(pairs, options).restore(pairs[0].blurred) for _ in range(2))
    assert first.shape == (29, 31, 3)
    assert (first == again).all()
    assert (first != pairs[0].blurred).any()


def test_nothing_to_train_on_is_told(tiny_data: Dataset) -> None:
    free = Dataset(tiny_data.root, tiny_data.size, tuple(s for s in tiny_data.samples if not s.faces), {})
    with pytest.raises(UserError, match="no face in its train split"):
        attack_pairs(free, (32, 32), faded, QUICK)
    with pytest.raises(UserError, match="no test picture has a face"):
        measure_reversal(tiny_data, [], faded, None, QUICK)
