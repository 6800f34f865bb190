"""Changed regions: where a model blurred, against the mask, and blurs where no face is."""

from __future__ import annotations

import numpy as np
import pytest

from edgeblur.firmware_harness.privacy.changes import changed_region, changes, connected_regions, mean_changes
from edgeblur.pictures.images import Pixels

GREY = np.full((64, 64, 3), 100, np.uint8)


def painted(*boxes: tuple[int, int, int, int], by: int = 60) -> Pixels:
    """Grey, changed by `by` in boxes of left, top, width, height."""
    picture = GREY.copy()
    for x, y, w, h in boxes:
        picture[y : y + h, x : x + w] += np.uint8(by)
    return picture


def mask_of(*boxes: tuple[int, int, int, int]) -> Pixels:
    mask = np.zeros(GREY.shape[:2], np.uint8)
    for x, y, w, h in boxes:
        mask[y : y + h, x : x + w] = 255
    return mask


def test_a_blur_that_fills_its_mask_has_a_high_iou() -> None:
    box = (16, 16, 32, 32)
    found = changes(GREY, painted(box), mask_of(box))
    assert found.region_iou is not None
    assert 0.75 < found.region_iou < 1, "the square's window widens the region by a pixel or two"
    assert found.false_blurs == 0


def test_iou_by_hand() -> None:
    """A change just above the threshold: where the square reaches over its edge, the mean falls below."""
    box = (0, 0, 64, 32)
    after = painted(box, by=11)
    region = changed_region(GREY, after)
    assert region[:30].all()
    assert not region[30:].any()
    found = changes(GREY, after, mask_of((0, 0, 64, 64)))
    assert found.region_iou == pytest.approx(30 / 64)
    assert not changed_region(GREY, painted(box, by=10)).any()


def test_an_unchanged_output_has_no_region() -> None:
    found = changes(GREY, GREY, mask_of((16, 16, 32, 32)))
    assert (found.region_iou, found.false_blurs) == (0, 0)


def test_an_output_shifted_away_from_the_face_is_false() -> None:
    found = changes(GREY, painted((40, 40, 16, 16)), mask_of((4, 4, 16, 16)))
    assert (found.region_iou, found.false_blurs) == (0, 1)


def test_false_blurs_are_counted_one_by_one() -> None:
    face, beside, away, other, speck = (2, 2, 20, 20), (20, 10, 8, 8), (40, 4, 10, 10), (40, 40, 12, 12), (10, 50, 4, 4)
    found = changes(GREY, painted(face, away, other, speck), mask_of(face))
    assert found.false_blurs == 2, "the speck is too small to be one"
    found = changes(GREY, painted(face, beside), mask_of(face))
    assert found.false_blurs == 0, "what touches a face's mask is too large a blur, not a false one"
    assert changes(GREY, painted(away, other), mask_of()).as_json() == {
        "pictures": 1,
        "with_faces": 0,
        "false_blurs": 2,
        "false_blurs_a_picture": 2.0,
        "definition": {"window_px": 5, "change_of_255": 10, "false_blur_px": 64},
    }


def test_small_errors_everywhere_are_no_blur() -> None:
    random = np.random.default_rng(0)
    noisy = np.clip(GREY + random.normal(0, 8, GREY.shape), 0, 255).astype(np.uint8)
    found = changes(GREY, noisy, mask_of())
    assert found.false_blurs == 0


def test_regions_touch_side_by_side() -> None:
    region = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0]], bool)
    labels = connected_regions(region)
    assert labels.max() == 3
    assert (labels > 0).tolist() == region.tolist()
    assert labels[0, 0] == labels[0, 1] == labels[1, 1]
    assert labels[1, 3] == labels[2, 3] == labels[2, 2] != labels[1, 1]
    assert connected_regions(np.ones((5, 7), bool)).tolist() == [[1] * 7] * 5
    assert connected_regions(np.zeros((5, 7), bool)).max() == 0


def test_a_winding_region_is_one() -> None:
    snake = np.zeros((21, 21), bool)
    snake[::2] = True
    snake[1::4, -1] = snake[3::4, 0] = True
    assert connected_regions(snake).max() == 1


def test_means_over_pictures() -> None:
    box = (16, 16, 32, 32)
    found = mean_changes(
        [changes(GREY, GREY, mask_of(box)), changes(GREY, painted(box), mask_of()), changes(GREY, GREY, mask_of())]
    )
    assert (found.pictures, found.with_faces, found.region_iou, found.false_blurs) == (3, 1, 0, 1)
    assert found.false_blurs_a_picture == pytest.approx(1 / 3)
    assert mean_changes([changes(GREY, GREY, mask_of())]).region_iou is None


def test_shapes_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes do not match"):
        changes(GREY, GREY[:32], mask_of())
