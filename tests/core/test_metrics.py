"""Metrics against independent implementations and against numbers worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edgeblur.pictures.metrics import Fidelity, Part, fidelity, mae, mean_fidelity, outside_psnr_db, psnr_db, ssim


def noisy_pair(height: int = 40, width: int = 64, noise: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    smooth = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[..., None] + np.array([0, 20, 40])
    noisy = smooth + random.normal(0, noise, smooth.shape)
    return smooth.astype(np.uint8), np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [1.0, 20.0, 90.0])
@pytest.mark.parametrize("shape", [(11, 11), (40, 64), (65, 33)])
def test_ssim_and_psnr_agree_with_tensorflow(shape: tuple[int, int], noise: float) -> None:
    tf = pytest.importorskip("tensorflow")
    a, b = noisy_pair(*shape, noise)
    assert ssim(a, b) == pytest.approx(float(tf.image.ssim(a, b, 255)), abs=1e-4)
    assert psnr_db(a, b) == pytest.approx(float(tf.image.psnr(a, b, 255)), abs=1e-3)


def test_bytes_and_floats_are_the_same_picture() -> None:
    a, b = noisy_pair()
    assert fidelity(a, b).image == fidelity(a / 255, b / 255).image


def test_parts_by_hand() -> None:
    reference = np.full((32, 32, 3), 100, np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    mask[8:24, 7] = 60  # the soft edge
    output = reference.copy()
    output[mask == 255] += 51
    output[mask == 60] += 102
    got = fidelity(output, reference, mask)
    assert got.inside is not None
    assert got.outside is not None
    assert got.inside.mae == pytest.approx(0.2)
    assert got.inside.psnr_db == pytest.approx(-20 * math.log10(0.2))
    assert got.outside.mae == 0, "the soft edge must not count as outside"
    assert got.image.mae == pytest.approx((256 * 0.2 + 16 * 0.4) / 1024)
    assert got.image.mae == pytest.approx(mae(output, reference))
    assert got.outside.ssim is not None
    assert got.outside.ssim < 1, "windows outside still reach over the edge"


def test_ssim_of_the_parts_lies_where_the_damage_is() -> None:
    reference, noisy = noisy_pair()
    mask = np.zeros(reference.shape[:2], np.uint8)
    mask[10:30, 40:60] = 255
    output = np.where(mask[..., None] > 0, noisy, reference)
    got = fidelity(output, reference, mask)
    assert got.inside is not None
    assert got.outside is not None
    assert got.inside.ssim is not None
    assert got.outside.ssim is not None
    assert got.image.ssim is not None
    assert got.inside.ssim < 0.7 < got.image.ssim < got.outside.ssim


def test_identical_pictures_are_valid_json() -> None:
    a, _ = noisy_pair()
    got = fidelity(a, a)
    assert got.image.psnr_db == math.inf
    told = json.loads(json.dumps(got.as_json(), allow_nan=False))
    assert told == {"image": {"mae": 0.0, "psnr_db": None, "ssim": 1.0, "identical": True}}


@pytest.mark.parametrize(("value", "there", "missing"), [(0, "outside", "inside"), (255, "inside", "outside")])
def test_a_part_without_pixels_is_absent(value: int, there: str, missing: str) -> None:
    a, b = noisy_pair()
    told = fidelity(a, b, np.full(a.shape[:2], value, np.uint8)).as_json()
    assert told[there] == told["image"]
    assert missing not in told


def test_ssim_is_absent_where_no_window_fits() -> None:
    a, b = noisy_pair(10, 30)
    assert ssim(a, b) is None
    assert "ssim" not in fidelity(a, b).as_json()["image"]
    a, b = noisy_pair()
    mask = np.zeros(a.shape[:2], np.uint8)
    mask[:4] = 255
    inside = fidelity(a, b, mask).inside
    assert inside is not None
    assert inside.ssim is None
    assert inside.mae > 0


def test_mean_takes_psnr_of_the_mean_error() -> None:
    one, two = Fidelity(Part(0.1, 0.01, 0.8)), Fidelity(Part(0.0, 0.0, 1.0), inside=Part(0.2, 0.04, None))
    got = mean_fidelity([one, two])
    assert got.image == Part(0.05, 0.005, 0.9)
    assert got.image.psnr_db == pytest.approx(23.0103, abs=1e-3)
    assert got.inside == Part(0.2, 0.04, None)
    assert got.outside is None


def test_shapes_must_fit() -> None:
    a, b = noisy_pair()
    with pytest.raises(ValueError, match="one height and width"):
        fidelity(a, b[:-1])
    with pytest.raises(ValueError, match="one height and width"):
        fidelity(a, b, np.zeros((3, 3), np.uint8))
    with pytest.raises(ValueError, match="no picture"):
        mean_fidelity([])


def test_fidelity_outside_alone_is_that_of_the_whole_measure() -> None:
    pairs = [(*noisy_pair(noise=noise), np.where(np.arange(64) < 20, 255, 0) * np.ones((40, 1))) for noise in (9, 30)]
    covered = (*noisy_pair(), np.full((40, 64), 255))
    wanted = mean_fidelity([fidelity(*pair) for pair in (*pairs, covered)]).outside
    assert wanted is not None
    assert outside_psnr_db([*pairs, covered]) == wanted.psnr_db
    assert outside_psnr_db([covered]) is None
