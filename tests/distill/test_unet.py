"""The U-Net, counted against the table of the thesis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.unet import (
    GATED,
    UNetSpec,
    build_unet,
    gate_clamp,
    gate_logit,
    has_gate,
    set_gate,
    unet_spec,
)
from edgeblur.distill.teacher import copy_weights
from edgeblur.errors import UserError

# Layer, output, parameters, as the thesis lists them.
TABLE = """
conv     128 32  896
conv     128 32  9248
pool     64  32  0
conv     64  64  18496
conv     64  64  36928
pool     32  64  0
conv     32  128 73856
conv     32  128 147584
pool     16  128 0
conv     16  256 295168
conv     16  256 590080
up       32  128 131200
concat   32  256 0
conv     32  128 295040
conv     32  128 147584
up       64  64  32832
concat   64  128 0
conv     64  64  73792
conv     64  64  36928
up       128 32  8224
concat   128 64  0
conv     128 32  18464
conv     128 32  9248
conv     128 3   99
"""
KINDS = {"Conv2D": "conv", "MaxPooling2D": "pool", "Conv2DTranspose": "up", "Concatenate": "concat"}


def test_the_teacher_is_the_thesis_layer_by_layer() -> None:
    net = build_unet(unet_spec())
    built = [
        (KINDS[type(layer).__name__], *layer.output_shape[1:], layer.count_params())
        for layer in net.layers
        if type(layer).__name__ in KINDS
    ]
    rows = [line.split() for line in TABLE.strip().splitlines()]
    assert built == [(kind, int(side), int(side), int(depth), int(count)) for kind, side, depth, count in rows]
    assert net.count_params() == sum(row[-1] for row in built) == 1_925_667


def test_the_teacher_computes_what_the_thesis_says() -> None:
    net = build_unet(unet_spec())
    convs = [layer for layer in net.layers if type(layer).__name__ == "Conv2D"]
    assert {layer.kernel_size for layer in convs[:-1]} == {(3, 3)}
    assert convs[-1].kernel_size == (1, 1)
    ups = [layer for layer in net.layers if type(layer).__name__ == "Conv2DTranspose"]
    assert {(layer.kernel_size, layer.strides) for layer in ups} == {((2, 2), (2, 2))}
    assert sum(type(layer).__name__ == "ReLU" for layer in net.layers) == len(convs) - 1
    assert net.layers[-1].activation.__name__ == "sigmoid"
    assert not any("norm" in layer.name or "dropout" in layer.name for layer in net.layers)


# 482 k, 121 k and 30 k in the table of the design.
@pytest.mark.parametrize(("base", "parameters"), [(16, 482_067), (8, 120_843), (4, 30_375)])
def test_narrower_relatives(base: int, parameters: int) -> None:
    assert build_unet(unet_spec(base)).count_params() == parameters


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_levels_and_sides(levels: int) -> None:
    net = build_unet(unet_spec(2, levels, height=32, width=48))
    assert net.output_shape == net.input_shape == (None, 32, 48, 3)
    assert sum("pool" in layer.name for layer in net.layers) == levels
    picture = np.random.default_rng(0).random((1, 32, 48, 3), np.float32)
    output = net.predict(picture, verbose=0)
    assert 0 < output.min() < output.max() < 1


def test_dropout_is_where_the_thesis_has_it() -> None:
    net = build_unet(unet_spec(2, 3, height=32, width=32, dropout=True))
    names = [layer.name for layer in net.layers]
    rates = {layer.name: layer.rate for layer in net.layers if "dropout" in layer.name}
    assert rates == {"enc_dropout": 0.05, "mid_dropout": 0.2}
    assert names[names.index("enc_dropout") - 1] == "enc3b_relu"
    assert names[names.index("mid_dropout") - 1] == "midb_relu"
    assert names[names.index("mid_dropout") + 1] == "up3"


def test_batch_norm_stands_between_every_conv_and_its_relu() -> None:
    plain, normed = (build_unet(unet_spec(2, 2, height=16, width=16, batch_norm=b)) for b in (False, True))
    names = [layer.name for layer in normed.layers]
    relus = [name for name in names if name.endswith("_relu")]
    for relu in relus:
        norm = names[names.index(relu) - 1]
        assert norm == relu.replace("_relu", "_norm")
        assert names[names.index(norm) - 1] == relu.removesuffix("_relu")
    channels = sum(normed.get_layer(name).output_shape[-1] for name in relus)
    assert normed.count_params() - plain.count_params() == 4 * channels


def test_a_seed_draws_the_weights() -> None:
    spec = unet_spec(2, 2, height=16, width=16)
    one, two, other = (build_unet(spec, seed=seed).get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(("levels", "height", "width"), [(3, 100, 128), (3, 128, 100), (2, 30, 32), (5, 48, 48)])
def test_sides_that_cannot_be_halved_are_refused(levels: int, height: int, width: int) -> None:
    with pytest.raises(UserError, match=f"multiples of {2**levels}, got {width}x{height}"):
        unet_spec(4, levels, height=height, width=width)


def test_a_spec_survives_json() -> None:
    spec = unet_spec(4, 2, height=32, width=48, batch_norm=True, dropout=True)
    assert UNetSpec.from_json(spec.as_json()) == spec


def test_a_spec_must_be_whole() -> None:
    with pytest.raises(ValueError, match="2 encoder levels"):
        UNetSpec(32, 32, encoder=((2,), (4,)), bottleneck=(8,), up=(4,), decoder=((4,), (2,)))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("base", [3, 8])
def test_a_new_net_is_a_pale_copier(base: int, batch_norm: bool) -> None:
    net = build_unet(unet_spec(base, 2, height=32, width=32, batch_norm=batch_norm))
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    output = net.predict(picture, verbose=0)
    assert np.abs(output - picture).mean() < 0.12
    assert np.corrcoef(output.ravel(), picture.ravel())[0, 1] > 0.95


def test_a_net_too_narrow_to_copy_is_random() -> None:
    net = build_unet(unet_spec(2, 2, height=32, width=32))
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    assert np.corrcoef(net.predict(picture, verbose=0).ravel(), picture.ravel())[0, 1] < 0.9


def gated(base: int, *, gate: float) -> Any:
    """A new net whose gate is shut (0), open (1) or in between, everywhere."""
    spec = unet_spec(base, 3, height=64, width=64, output="gate")
    net = build_unet(spec)
    kernel, bias = net.get_layer("dec1a").get_weights()
    half = bias[GATED - 1]
    kernel[..., GATED - 2 :], bias[GATED - 2 : GATED] = 0, half * np.array([2 * gate - 1, 1 - 2 * gate])
    net.get_layer("dec1a").set_weights([kernel, bias])
    return net


@pytest.mark.parametrize("base", [8, 12])
def test_a_new_net_with_a_gate_passes_on_its_input_or_a_blur_of_it(base: int) -> None:
    """Exactly the input where the gate is shut; a smooth picture of the same colours where it is open."""
    picture = np.full((1, 64, 64, 3), (0.2, 0.5, 0.8), np.float32)
    picture[:, ::2, ::2] += 0.1
    assert np.array_equal(gated(base, gate=0.0).predict(picture, verbose=0), picture)
    blurred = gated(base, gate=1.0).predict(picture, verbose=0)[:, 28:36, 28:36]  # far from the zeros around it
    assert blurred.std(axis=(1, 2)).max() < 0.01 < picture[..., 0].std()
    assert np.abs(blurred.mean((0, 1, 2)) - (0.25, 0.55, 0.85)).max() < 0.06


def test_a_gate_that_is_half_open_darkens_nothing() -> None:
    """What comes out lies between the picture and the blur of it, wherever the gate stands: blurs have no dark rims."""
    picture = np.random.default_rng(0).random((1, 64, 64, 3), np.float32)
    passed, blurred = (gated(8, gate=gate).predict(picture, verbose=0) for gate in (0.0, 1.0))
    outputs = [gated(8, gate=gate).predict(picture, verbose=0) for gate in (0.1, 0.3, 0.5, 0.7, 0.9)]
    for output in outputs:
        assert (output > np.minimum(passed, blurred) - 1e-5).all()
        assert (output < np.maximum(passed, blurred) + 1e-5).all()
    assert np.abs(np.diff([output.mean() for output in [passed, *outputs]])).max() > 0.02


def test_a_gate_of_before_december_2026_keeps_its_clamp_and_loses_its_dark_rims(tmp_path: Path) -> None:
    """It was relu(x - m) + relu(b - (1 - m)), and m a difference of two channels with one kernel."""
    net = build_unet(unet_spec(8, 2, height=32, width=32, output="gate"), seed=3)
    half = build_unet(unet_spec(8, 2, height=32, width=32, output="gate")).get_layer("dec1a").get_weights()[1][7]
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[..., 6] *= 40
    kernel[..., 7], bias[6], bias[7] = kernel[..., 6], 0, -2 * half
    net.get_layer("dec1a").set_weights([kernel, bias])
    kernel, bias = net.get_layer("dec1b").get_weights()
    for first, sign in ((0, -1), (3, 1)):
        kernel[..., first : first + 3] = 0
        for colour in range(first, first + 3):
            kernel[1, 1, colour, colour] = 1
            kernel[1, 1, 6, colour], kernel[1, 1, 7, colour] = sign * 2 / half, -sign * 2 / half
    bias[:8] = [0, 0, 0, -4, -4, -4, -0.1, 0]
    net.get_layer("dec1b").set_weights([kernel, bias])
    kernel, bias = net.get_layer("head").get_weights()
    kernel[...] = 0
    kernel[0, 0, :3] = kernel[0, 0, 3:6] = np.eye(3) / 4
    net.get_layer("head").set_weights([kernel, bias])
    picture = np.random.default_rng(1).random((1, 32, 32, 3), np.float32)
    before = net.predict(picture, verbose=0)
    assert not has_gate(net)
    net.save(tmp_path / "old.keras")
    renewed = load_keras(tmp_path / "old.keras")
    assert has_gate(renewed)
    assert gate_clamp(renewed) == (0.1, 0.3)
    after = renewed.predict(picture, verbose=0)
    same = np.abs(after - before).max(-1) < 1e-5  # shut or open
    assert 0.3 < same.mean() < 1
    assert (after > before - 1e-5).all()
    set_gate(renewed, 0.5, 0.9)
    assert gate_clamp(renewed) == (0.5, 0.9)


def test_a_gate_opens_where_its_clamp_says() -> None:
    """From the first probability on, fully from the second; setting it leaves what the net thinks of faces."""
    import tensorflow as tf
    import tf_keras

    spec = unet_spec(8, 2, height=32, width=32, output="gate")
    net = build_unet(spec)
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[..., GATED - 2 : GATED] *= 40  # some faces here, none there; the two are each other's negative
    net.get_layer("dec1a").set_weights([kernel, bias])
    picture = np.random.default_rng(1).random((1, 32, 32, 3), np.float32)

    def looked() -> tuple[Any, Any]:
        probe = tf_keras.Model(net.input, [gate_logit(net), net.output])
        told, output = probe.predict(picture, verbose=0)
        return 1 / (1 + np.exp(-told[0, ..., 0])), np.abs(output - picture)[0].max(-1) > 1e-5

    assert gate_clamp(net) == (spec.threshold, spec.full) == (0.1, 0.3)
    faces, changed = looked()
    assert faces.min() < 0.1 < 0.9 < faces.max()
    for threshold, full in ((0.4, 0.6), (0.7, 0.9), (0, 1)):
        set_gate(net, threshold, full)
        assert gate_clamp(net) == (threshold, full)
        same, changed = looked()
        np.testing.assert_allclose(same, faces, atol=1e-4)
        middle = np.asarray(tf.nn.max_pool2d(same[None, ..., None], 3, 1, "SAME"))[0, ..., 0]
        assert not changed[middle < threshold - 1e-3].any()
        assert changed[same > full].all()


def test_starting_from_a_net_with_a_gate_keeps_its_knowledge_and_not_its_clamp(tmp_path: Path) -> None:
    spec = unet_spec(8, 2, height=32, width=32, output="gate")
    old, new = build_unet(spec, seed=1), build_unet(replace(spec, height=16, width=16))
    set_gate(old, 0.6, 0.8)
    copy_weights(new, old, tmp_path)
    assert gate_clamp(new) == (0.1, 0.3)
    kernels = [net.get_layer("dec1a").get_weights()[0] for net in (old, new)]
    assert np.array_equal(*kernels)
    set_gate(new, 0.6, 0.8)
    for name in ("dec1a", "dec1b"):
        for ours, theirs in zip(new.get_layer(name).get_weights(), old.get_layer(name).get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
    with pytest.raises(UserError, match="has no gate"):
        copy_weights(new, build_unet(unet_spec(8, 2, height=32, width=32)), tmp_path)


def test_who_has_a_gate() -> None:
    kinds = {"gate": {}, "sigmoid": {"output": "sigmoid"}, "linear": {"output": "linear"}}
    nets = {
        name: build_unet(unet_spec(**{"base": 8, "levels": 2, "height": 16, "width": 16, "output": "gate"} | changed))
        for name, changed in kinds.items()
    }
    assert {name for name, net in nets.items() if has_gate(net)} == {"gate"}
    # The parameters are the thesis's, whatever the output and the start.
    assert len({net.count_params() for net in nets.values()}) == 1
    for lacking in ({"base": 7}, {"batch_norm": True}):
        with pytest.raises(UserError, match="needs 8 filters at its top level and no batch norm"):
            unet_spec(**{"base": 8, "levels": 2, "output": "gate"} | lacking)


def test_a_linear_net_without_a_gate_starts_as_a_copier() -> None:
    net = build_unet(unet_spec(4, 2, height=32, width=32, output="linear"))
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    assert np.corrcoef(net.predict(picture, verbose=0).ravel(), picture.ravel())[0, 1] > 0.95
