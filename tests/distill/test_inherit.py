"""A mask head starts from one of other widths and depths: what is only more does the same, and what does least goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tiny_models import lively

from edgeblur.distill.nets.inherit import inherit, spec_of_net
from edgeblur.distill.nets.mask_head import MASK, MaskSpec, build_mask_head

SMALL = MaskSpec(32, 32, widths=(3, 4, 5, 6), depths=(1, 2, 2), finest=2)
PICTURES = np.random.default_rng(3).random((3, 32, 32, 3), np.float32)


def masks(net: Any) -> Any:
    import tf_keras

    return tf_keras.Model(net.input, net.get_layer(MASK).output)(PICTURES).numpy()


@pytest.fixture(scope="module")
def source() -> Any:
    return lively(SMALL)


@pytest.mark.parametrize(
    "more",
    [
        SMALL,
        replace(SMALL, widths=(4, 7, 6, 9)),
        replace(SMALL, depths=(3, 3, 4), fine=3),
        replace(SMALL, stem=5),
        replace(SMALL, widths=(4, 4, 8, 6), depths=(2, 2, 3), stem=5),
    ],
    ids=["same", "wider", "deeper", "stem", "all"],
)
def test_what_is_only_more_finds_the_same(source: Any, more: MaskSpec) -> None:
    net = build_mask_head(more, seed=1)
    assert inherit(net, source) == []
    assert np.ptp(masks(source)) > 0.01
    np.testing.assert_allclose(masks(net), masks(source), atol=2e-3)  # a batch norm adds 0.001 to the variance


@pytest.mark.parametrize("separable", [False, True])
def test_a_separable_net_grows_as_well(separable: bool) -> None:
    old = lively(replace(SMALL, finest=1, fine=2, separable=separable))
    net = build_mask_head(replace(SMALL, finest=1, fine=3, widths=(4, 8, 8, 8), separable=separable))
    assert inherit(net, old) == []
    np.testing.assert_allclose(masks(net), masks(old), atol=2e-3)


@pytest.mark.parametrize("widths", [(6, 4, 5, 6), (3, 7, 5, 6), (3, 4, 5, 9)])
def test_channels_that_do_nothing_go_first(source: Any, widths: tuple[int, ...]) -> None:
    """A net that grew at one level listens to none of its new channels: pruned to what it was, it is what it was."""
    wide, narrow = build_mask_head(replace(SMALL, widths=widths), seed=5), build_mask_head(SMALL, seed=2)
    inherit(wide, source)
    assert inherit(narrow, wide) == []
    for layer in narrow.layers:
        if layer.name != "steepen":  # the clamp is no weight
            for mine, old in zip(layer.get_weights(), source.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(mine, old)


def test_channels_that_do_least_go(source: Any) -> None:
    wide = build_mask_head(SMALL)
    wide.set_weights(source.get_weights())
    kernel, *rest = wide.get_layer("down1_1").get_weights()
    kernel[:, :, 1] *= 1e-4  # what is made of the second channel at half size
    wide.get_layer("down1_1").set_weights([kernel, *rest])
    narrow = build_mask_head(replace(SMALL, widths=(2, 4, 5, 6)))
    inherit(narrow, wide)
    stem = source.get_layer("half").get_weights()[0]
    np.testing.assert_array_equal(narrow.get_layer("half").get_weights()[0], stem[..., [0, 2]])
    np.testing.assert_allclose(masks(narrow), masks(wide), atol=1e-2)


def test_what_the_other_net_lacks_is_drawn_and_named(source: Any) -> None:
    drawn = build_mask_head(replace(SMALL, finest=1))
    before = drawn.get_layer("up1").get_weights()
    assert inherit(drawn, source) == ["narrow1", "up1", "mask_logit"]
    np.testing.assert_array_equal(drawn.get_layer("up1").get_weights()[0], before[0])
    assert inherit(build_mask_head(replace(SMALL, widths=(0, 4, 5, 6), stem=4)), source) == ["down1_1"]
    assert "bottom_1" in inherit(build_mask_head(replace(SMALL, separable=True)), source)


@pytest.mark.parametrize("shallow", [(1, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_a_shallower_net_starts_from_the_first_and_the_last(source: Any, shallow: tuple[int, ...]) -> None:
    net = build_mask_head(replace(SMALL, depths=shallow, widths=(2, 3, 4, 5)))
    assert inherit(net, source) == []
    assert np.isfinite(masks(net)).all()


@pytest.mark.parametrize(
    "spec",
    [
        SMALL,
        replace(SMALL, widths=(0, 4, 5, 6), stem=6),
        replace(SMALL, finest=1, fine=2, separable=True),
        replace(SMALL, height=48, depths=(2, 3, 1), stem=5, fine=2),
    ],
)
def test_a_net_tells_what_it_was_built_by(spec: MaskSpec) -> None:
    assert spec_of_net(build_mask_head(spec)) == spec
