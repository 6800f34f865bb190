"""A gate that opens as far in int8 as in float: its biases moved by what it is off on average.

Bias correction (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"), where it
counts most: a gate is steep, and what rounding adds up to before it moves the border between blurred and untouched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeblur.distill.nets.unet import GATE, GATE_RELU, GATED
from edgeblur.pictures.images import Floats
from edgeblur.quantize.diagnose import Probe
from edgeblur.store.dataset import evenly

_PICTURES = 32
_MAX_SHARE = 1 / 6
"""Of the gate's range: more than that is no rounding, but a gate that hardly ever stands between shut and open."""


def correct_gate(net: Any, int8: bytes, pictures: list[Floats]) -> None:
    """Move the biases of an eased gate so that the net, quantized once more, opens it as far as it does in float.

    Args:
        net: with a gate that `ease_gate` has eased; changed in place.
        int8: the same net, quantized.
        pictures: the calibration set, each `[1, H, W, 3]`, 0 to 1.
    """
    import tf_keras

    relu = net.get_layer(GATE_RELU)
    exact, probe = tf_keras.Model(net.input, relu.output), Probe(int8)
    index, _ = probe.outputs()[GATE_RELU]
    both = slice(GATE, GATED)
    off, between = [], []
    for picture in evenly(pictures, _PICTURES):
        gate = exact(picture).numpy()[..., both]
        probe.run(picture)
        off.append((probe.real(index)[..., both] - gate).mean((0, 1, 2)))
        between.append(((gate > 0) & (gate < relu.max_value)).mean((0, 1, 2)))  # a bias moves these alone
    limit = _MAX_SHARE * relu.max_value
    kernel, bias = net.get_layer("dec1a").get_weights()
    bias[both] -= np.clip(np.mean(off, 0) / np.maximum(np.mean(between, 0), 1e-6), -limit, limit)
    net.get_layer("dec1a").set_weights([kernel, bias])
