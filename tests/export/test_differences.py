"""Where TensorFlow Lite Micro and LiteRT's reference kernels part: said before anybody relies on it."""

from __future__ import annotations

import os

import numpy as np
import pytest
from int8_nets import Int8Net
from random_nets import random_net

from edgeblur.errors import EdgeblurError
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflm.differences import differences
from edgeblur.firmware_harness.engines.engines import open_engine

NETS = int(os.environ.get("EDGEBLUR_RANDOM_NETS", "150")) // 3


def relu6(scale: float) -> bytes:
    net = Int8Net(0)
    x = net.conv(net.picture(8, 8, 3), 4, scale=0.05, activation="NONE")
    return net.tflite(net.op("RELU6", (x,), net.plane(net.shape(x), scale, -128)))


def differ(data: bytes) -> bool:
    reference, micro = (open_engine(name, data, several=True) for name in ("litert-ref", "tflm"))
    taken = reference.model.input.tensor
    picture = np.random.default_rng(0).integers(0, 256, taken.shape).astype(np.uint8).view(taken.dtype)
    return any(
        (one != other).any() for one, other in zip(reference.run_all(picture), micro.run_all(picture), strict=True)
    )


def test_relu6_behind_a_change_of_scale_is_named() -> None:
    pytest.importorskip("tflite_micro")
    assert differ(relu6(0.02))
    (told,) = differences(read_tflite(relu6(0.02)))
    assert "RELU6" in told
    assert "never requantizes" in told


def test_random_nets_that_differ_are_named() -> None:
    pytest.importorskip("tflite_micro")
    compared = 0
    for seed in range(NETS):
        data = random_net(seed).tflite
        try:
            found = differ(data)
        except EdgeblurError:  # it lacks an op
            continue
        compared += 1
        assert not found or differences(read_tflite(data)), f"random net {seed} differs"
    assert compared > NETS // 2
