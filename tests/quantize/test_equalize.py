"""Channels of one size before int8: the net puts out the same, and int8 keeps more of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import lively

from edgeblur.cli import main
from edgeblur.distill.nets.keras_files import float_tflite
from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.nets.unet import GATE, GATE_RELU, GATED, build_unet, set_gate, unet_spec
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import compressed_bytes
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.pictures.images import Floats, to_bytes
from edgeblur.pictures.metrics import psnr_db
from edgeblur.quantize import equalize as module
from edgeblur.quantize.convert import calibration_pictures, to_quantized
from edgeblur.quantize.diagnose import Probe
from edgeblur.quantize.equalize import _peaks, _readers, equalize
from edgeblur.store.dataset import Dataset


@pytest.fixture(scope="module")
def pictures(tiny_data: Dataset) -> list[Floats]:
    return calibration_pictures(tiny_data, 16, 32, 32)


def spoilt(**spec: Any) -> Any:
    """A U-Net with a channel in a hundred times the size of others, as trainings leave them."""
    net = build_unet(unet_spec(4, 2, height=32, width=32, **spec), seed=3)
    for name, readers in (("enc1b", {"enc2a": 0, "dec1a": 4}), ("mida", {"midb": 0})):
        kernel, bias = net.get_layer(name).get_weights()
        kernel[..., -1] *= 100
        net.get_layer(name).set_weights([kernel, bias])
        for reader, before in readers.items():
            kernel, bias = net.get_layer(reader).get_weights()
            kernel[:, :, before + net.get_layer(name).filters - 1] /= 100
            net.get_layer(reader).set_weights([kernel, bias])
    return net


def outputs(net: Any, pictures: list[Floats]) -> Floats:
    return np.asarray(net(np.concatenate(pictures)))


def int8_outputs(net: Any, pictures: list[Floats], path: Path) -> Floats:
    path.write_bytes(to_quantized(net, pictures))
    engine = open_engine("litert-ref", path)
    return np.stack([engine.infer(to_bytes(picture[0])) for picture in pictures])


def test_every_channel_between_convolutions_is_found() -> None:
    net = build_unet(unet_spec(4, 2, height=32, width=32))
    found = _readers(net)
    assert set(found) == {layer.name for layer in net.layers if layer.trainable_weights} - {"head"}
    assert sorted(found["enc1b"]) == [("dec1a", 4), ("enc2a", 0)]
    assert found["up1"] == [("dec1a", 0)]
    assert found["dec1b"] == [("head", 0)]


def test_the_output_stays_and_channels_reach_one(pictures: list[Floats]) -> None:
    net = spoilt()
    before = outputs(net, pictures)
    assert equalize(net, pictures)
    np.testing.assert_allclose(outputs(net, pictures), before, atol=2e-5)
    names = list(_readers(net))
    for name, peaks in _peaks(net, names, pictures).items():
        assert peaks.max() == pytest.approx(1, abs=1e-3), name
        assert ((peaks > 0.99) | (peaks < 1.01)).all()
    assert np.median(np.concatenate(list(_peaks(net, names, pictures).values()))) > 0.99


def test_a_channel_hardly_seen_keeps_headroom(pictures: list[Floats]) -> None:
    net = spoilt()
    weak = _peaks(net, ["mida"], pictures)["mida"]
    equalize(net, pictures)
    now = _peaks(net, ["mida"], pictures)["mida"]
    weakest_grown = weak.max() / module._MOST
    assert 0 < (weak < weakest_grown).sum() < len(weak)
    np.testing.assert_allclose(now, np.minimum(weak / weakest_grown, 1), rtol=1e-3)


def test_int8_keeps_more(pictures: list[Floats], tmp_path: Path) -> None:
    net = spoilt()
    before = psnr_db(int8_outputs(net, pictures, tmp_path / "a.tflite"), outputs(net, pictures))
    equalize(net, pictures)
    after = psnr_db(int8_outputs(net, pictures, tmp_path / "b.tflite"), outputs(net, pictures))
    assert after > before + 6


def test_a_shut_gate_passes_the_picture_on_in_int8(pictures: list[Floats], tmp_path: Path) -> None:
    net = build_unet(unet_spec(GATED + 4, 2, height=32, width=32, output="gate"), seed=2)
    for name in ("dec1a", "dec1b"):  # features that nobody reads, and larger than the picture
        kernel, bias = net.get_layer(name).get_weights()
        kernel[..., GATED:] *= 50
        net.get_layer(name).set_weights([kernel, bias])
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[..., GATE] *= 40
    kernel[..., GATE + 1] = -kernel[..., GATE]
    net.get_layer("dec1a").set_weights([kernel, bias])
    set_gate(net, 0.3, 0.5)
    before = outputs(net, pictures)
    shut = np.abs(before - np.concatenate(pictures)).max(-1) < 1e-5
    assert 0.1 < shut.mean() < 0.99

    def change(path: Path) -> float:
        return float(np.abs(int8_outputs(net, pictures, path) - np.concatenate(pictures))[shut].mean())

    spoilt_by = change(tmp_path / "a.tflite")
    assert equalize(net, pictures)
    np.testing.assert_allclose(outputs(net, pictures), before, atol=1e-4)
    kernel, _ = net.get_layer("dec1b").get_weights()
    assert kernel[1, 1, GATE, 3] == pytest.approx(kernel[1, 1, 3, 3])  # each is all of int8's steps
    assert change(tmp_path / "b.tflite") < min(0.5 * spoilt_by, 1.5 / 255)
    scales = [scale for tensor in read_tflite(tmp_path / "b.tflite").tensors for scale in tensor.scales]
    assert min(scales) > 1e-6  # of a channel of zeros it would be 1e-8, with which no kernel is fast


def test_a_gate_opens_as_far_in_int8_as_in_float(tiny_data: Dataset, pictures: list[Floats], tmp_path: Path) -> None:
    import tf_keras

    net = build_unet(unet_spec(GATED, 2, height=32, width=32, output="gate"), seed=2)
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[..., GATE] *= 40
    kernel[..., GATE + 1] = -kernel[..., GATE]
    net.get_layer("dec1a").set_weights([kernel, bias])
    set_gate(net, 0.3, 0.5)
    net.save(tmp_path / "net.keras")
    with pytest.raises(SystemExit):
        main(["quantize", "--int8", str(tmp_path / "net.keras"), "--data", str(tiny_data.root), "--out",
              str(tmp_path / "out"), "--calibration", "16"])  # fmt: skip
    equalize(net, pictures)
    relu = net.get_layer(GATE_RELU)
    exact = tf_keras.Model(net.input, relu.output)(np.concatenate(pictures)).numpy()[..., GATE]
    assert ((exact > 0) & (exact < relu.max_value)).mean() > 0.05

    def off(int8: bytes) -> float:
        probe, found = Probe(int8), []
        for picture in pictures:
            probe.run(picture)
            found.append(probe.real(probe.outputs()[GATE_RELU][0])[..., GATE])
        return float(abs(np.mean(np.concatenate(found) - exact)))

    assert off((tmp_path / "out" / "int8.tflite").read_bytes()) < off(to_quantized(net, pictures)) / 3


def test_a_mask_head_is_left_alone(pictures: list[Floats]) -> None:
    net = lively(MaskSpec(32, 32, 4))
    before = net.get_weights()
    assert not equalize(net, pictures)
    assert all(np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True))


def test_nets_that_are_not_ours(pictures: list[Floats]) -> None:
    """ReLU within a convolution and a layer used twice; a sigmoid between passes no factor on."""
    import tf_keras

    layers = tf_keras.layers
    inputs = layers.Input((32, 32, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(inputs)
    twice = layers.Conv2D(4, 3, padding="same", activation="relu", name="twice")
    x = twice(twice(x))
    x = layers.Conv2D(4, 3, padding="same", activation="sigmoid", name="bent")(x)
    x = layers.Conv2D(5, 3, padding="same", activation="relu", name="last")(layers.ReLU(6.0)(x))
    net = tf_keras.Model(inputs, layers.Conv2D(3, 1, name="head")(layers.UpSampling2D(2)(layers.MaxPooling2D(2)(x))))
    assert set(_readers(net)) == {"last"}
    before = outputs(net, pictures)
    assert equalize(net, pictures)
    np.testing.assert_allclose(outputs(net, pictures), before, atol=1e-5)


def test_it_can_be_left_out(tiny_data: Dataset, tmp_path: Path) -> None:
    net = spoilt(output="linear")
    net.save(tmp_path / "net.keras")
    sizes = {}
    for option in ("--equalize", "--no-equalize"):
        out = tmp_path / option
        with pytest.raises(SystemExit) as ended:
            main(["quantize", "--int8", str(tmp_path / "net.keras"), "--data", str(tiny_data.root), "--out", str(out),
                  "--calibration", "8", option])  # fmt: skip
        assert ended.value.code == 0
        assert (out / "float.tflite").read_bytes() == float_tflite(net)
        account = json.loads((out / "quantize.json").read_text())
        assert account["float_compressed_bytes"] == compressed_bytes(float_tflite(net))  # of the net as it was given
        sizes[option] = (out / "int8.tflite").read_bytes()
    assert sizes["--equalize"] != sizes["--no-equalize"]
