"""Products and walks that stand for a veil's divisions, beside the divisions themselves."""

from __future__ import annotations

import numpy as np
import pytest

from edgeblur.export.veil.arithmetic import Mean, NetPixel, Walk, period
from edgeblur.export.veil.plan import Axis


@pytest.mark.parametrize(
    ("maximum", "weight"), [(31, 25), (63, 25), (255, 25), (510, 25), (255, 225), (63, 1), (31, 96)]
)
def test_a_product_gives_each_mean_that_a_division_would(maximum: int, weight: int) -> None:
    mean = Mean.of(maximum, weight)
    assert mean.product is not None
    factor, summand, shift = mean.product
    sums = np.arange(maximum * weight + 1, dtype=np.uint32)
    products = (sums * np.uint32(factor) + np.uint32(summand)) >> np.uint32(shift)
    wanted = (2 * 255 * sums.astype(np.int64) + maximum * weight) // (2 * maximum * weight)
    assert (products == wanted).all()


def test_a_sum_without_such_a_product_is_divided() -> None:
    assert Mean.of(255, 639 * 359).product is None
    assert Mean.of(63, 24576).product is None


@pytest.mark.parametrize(("units", "content"), [(320, 128), (639, 128), (1, 128), (128, 3), (8192, 96), (8191, 255)])
@pytest.mark.parametrize("step", [4, 16, 64])
def test_a_walk_is_where_a_division_says(units: int, content: int, step: int) -> None:
    axis = Axis(units, content, content, 4, 16)
    count = -(-content // step)
    walk = Walk.of(axis, step, count)
    a, b, c = axis.places(step)
    places = [(a * unit + b) // c + 128 for unit in range(units)]
    assert [(walk.first + unit * walk.step) >> 32 for unit in range(units)] == places
    for centre in range(count + 1):
        edge = (walk.edge + centre * walk.edge_step) >> 32
        beyond = 256 * (centre + 1) * c - (b + 128 * c)
        assert (edge - 1) * a < beyond <= edge * a


def test_five_units_become_two_pixels_of_the_net_and_then_again() -> None:
    assert period(Axis(320, 128, 128, 4, 16)) == [NetPixel((0, 1), ((2, 1),)), NetPixel((3, 4), ((2, 1),))]
    assert period(Axis(2, 6, 6, 4, 16)) == [NetPixel((), ((0, 1),))] * 3
    assert period(Axis(131, 128, 128, 4, 16)) == []
