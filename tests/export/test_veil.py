"""The veil's reference: shrinking, growing, remembering, blending, told in other words."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.veil.golden import SEED, noise
from edgeblur.export.veil.pixels import FORMATS
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, content_size, fitting_finder, parse_size, plan_veil
from edgeblur.export.veil.reference import Blurrer, alpha, blind, colours, grow, net_picture, remember, shrink, veil
from edgeblur.models.shelf import require_entry


@pytest.fixture(scope="module")
def finder() -> Finder:
    return finder_of(require_entry("mask4").path)


def _plan(
    finder: Finder, frame: tuple[int, int], pixels: str = "rgb888", hold: str = "buffer", **veil: int
) -> VeilPlan:
    return plan_veil(finder, frame, pixels=pixels, hold=hold, options=VeilOptions(**veil))


def _frame(plan: VeilPlan, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (plan.height, plan.row_bytes), np.uint8)


def _mean(values: np.ndarray, axis_y, axis_x, y: int, x: int) -> int:
    """The mean of an area of a plane, in fractions of units."""
    total, weight = Fraction(0), Fraction(0)
    top, bottom = (Fraction(k * axis_y.units, axis_y.content) for k in (y, y + 1))
    left, right = (Fraction(k * axis_x.units, axis_x.content) for k in (x, x + 1))
    for row in range(int(top), -(-bottom.numerator // bottom.denominator)):
        tall = min(bottom, row + 1) - max(top, row)
        for column in range(int(left), -(-right.numerator // right.denominator)):
            share = tall * (min(right, column + 1) - max(left, column))
            total, weight = total + share * int(values[row, column]), weight + share
    return int(total / weight + Fraction(1, 2))


@pytest.mark.parametrize("frame", [(320, 240), (131, 77), (4, 3), (1, 1), (300, 7)])
def test_each_pixel_of_the_net_is_the_exact_mean_of_its_area(finder: Finder, frame: tuple[int, int]) -> None:
    plan = _plan(finder, frame)
    picture = _frame(plan).reshape(plan.height, plan.width, 3)
    means = shrink(picture.reshape(plan.height, -1), plan)
    random = np.random.default_rng(1)
    for y, x, c in zip(
        random.integers(0, plan.y.content, 30), random.integers(0, plan.x.content, 30), random.integers(0, 3, 30),
        strict=True,
    ):  # fmt: skip
        assert means[y, x, c] == _mean(picture[..., c], plan.y, plan.x, int(y), int(x))


@pytest.mark.parametrize("pixels", sorted(FORMATS))
def test_white_black_and_grey_keep_their_colour(finder: Finder, pixels: str) -> None:
    plan = _plan(finder, (48, 36), pixels)
    layout = plan.pixels
    for value in (0, 255):
        parts = np.array([value if layout.kind != "yuv" or part == 0 else 128 for part in layout.parts], np.uint8)
        frame = np.tile(layout.bytes_of(parts[None])[0], (plan.height, plan.x.units))
        assert (net_picture(shrink(frame, plan), plan) == value).all()
    grey = net_picture(shrink(blind(plan), plan), plan)
    assert abs(grey.astype(int) - 128).max() <= 4  # 565 has no nearer one


@pytest.mark.parametrize("pixels", ["rgb565le", "rgb565be"])
def test_565_comes_back_bit_for_bit(pixels: str) -> None:
    words = np.arange(65536, dtype="<u2" if pixels == "rgb565le" else ">u2").view(np.uint8).reshape(-1, 2)
    layout = FORMATS[pixels]
    assert (layout.bytes_of(layout.values(words)) == words).all()
    assert layout.values(words)[-1].tolist() == [255, 255, 255]


def test_pairs_need_an_even_width(finder: Finder) -> None:
    with pytest.raises(UserError, match="even number of them, not 33"):
        _plan(finder, (33, 10), "yuyv")


@pytest.mark.parametrize("pixels", sorted(FORMATS))
def test_what_is_not_veiled_is_the_frame_and_what_is_fully_veiled_does_not_know_it(finder: Finder, pixels: str) -> None:
    plan = _plan(finder, (74, 51), pixels)
    held = np.random.default_rng(2).choice([0, 0, 0, 8, 0x18, 3], (plan.y.cells, plan.x.cells)).astype(np.uint8)
    frame = _frame(plan)
    squares = colours(shrink(frame, plan), plan)
    weight = alpha(held, plan)
    results = [veil(frame, held, squares, plan), veil(255 - frame, held, squares, plan)]
    units = [picture.reshape(plan.height, plan.x.units, -1) for picture in (frame, *results)]
    assert (units[0] == units[1])[weight == 0].all()
    assert (units[1] == units[2])[weight == 256].all()
    assert (weight == 0).any()
    assert (weight == 256).any()


def test_alpha_is_full_on_a_full_cell_and_falls_to_nothing_at_its_neighbours_centre(finder: Finder) -> None:
    plan = _plan(finder, (256, 256))  # a cell is 8 pixels
    held = np.zeros((32, 32), np.uint8)
    held[10, 10] = 8
    weight = alpha(held, plan)
    assert weight[80:88, 80:88].min() > 60
    assert weight[84, 84] >= 225
    outside = np.ones_like(weight, bool)
    outside[76:92, 76:92] = False
    assert not weight[outside].any()


def test_runs_grow_by_their_share_and_all_by_the_margin(finder: Finder) -> None:
    levels = np.zeros((32, 32), np.uint8)
    levels[10:14, 10:18] = 5
    grown = grow(levels, _plan(finder, (128, 128), share=4))
    rows, columns = np.flatnonzero(grown.any(axis=1)), np.flatnonzero(grown.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (8, 15, 6, 21)
    assert set(grown.ravel().tolist()) == {0, 5}
    grown = grow(levels, _plan(finder, (128, 128), margin=2))
    assert grown.sum() == 5 * 8 * 12


def test_a_cell_is_remembered_as_long_as_asked_for(finder: Finder) -> None:
    plan = _plan(finder, (128, 128), memory=2)
    held, found = np.zeros((1, 1), np.uint8), [8, 3, 3, 3, 0, 0, 0]
    seen = []
    for level in found:
        held = remember(held, np.full((1, 1), level, np.uint8), plan)
        seen.append(int(held[0, 0] & 15))
    assert seen == [8, 8, 8, 3, 3, 3, 0]


def test_live_veils_by_the_frame_before_and_everything_at_first(finder: Finder) -> None:
    plan = _plan(finder, (64, 48), hold="live")
    masks = iter([np.full((32, 32), 127, np.int8), np.full((32, 32), -128, np.int8), np.full((32, 32), -128, np.int8)])
    blurrer, frame = Blurrer(plan, lambda picture: next(masks)), _frame(plan)
    assert (blurrer.blur(frame) == blind(plan)).all()
    assert (blurrer.blur(frame) != frame).mean() > 0.9
    assert (blurrer.blur(frame) == frame).all()
    blurrer.forget()
    masks = iter([np.full((32, 32), -128, np.int8)])
    assert (blurrer.blur(frame) == blind(plan)).all()


def test_a_fitting_finder_has_the_shape_of_the_frame(finder: Finder) -> None:
    for frame, net in {
        (320, 240): (128, 96),
        (240, 320): (96, 128),
        (640, 360): (128, 80),
        (1, 900): (16, 128),
    }.items():
        fitted = fitting_finder(finder, frame)
        assert (fitted.input.width, fitted.input.height) == net
        assert content_size(frame, net) <= net


def test_sizes_are_read_as_people_type_them() -> None:
    assert parse_size("320x240") == (320, 240)
    for text in ("320", "0x4", "9999x2", "3x", "a"):
        with pytest.raises(UserError, match="WIDTHxHEIGHT"):
            parse_size(text)


@pytest.mark.parametrize("frame", [(1, 1), (7, 3), (640, 419)])  # the last one is longer than a block of numbers
def test_the_self_tests_noise_is_xorshift(finder: Finder, frame: tuple[int, int]) -> None:
    plan = _plan(finder, frame, "gray8")
    state, expected = SEED, bytearray()
    for _ in range(frame[0] * frame[1]):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        expected.append(state >> 24)
    assert noise(plan).tobytes() == expected
