"""Channels of similar size before int8: a channel far smaller than its neighbours loses its precision to their scale.

Cross-layer equalization (Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"):
each channel of a convolution's output is scaled, and the next layer's weights are divided by the same factor. ReLU,
pooling and concatenation commute with a positive factor, so the net's output stays the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeblur.distill.nets.unet import ease_gate, has_gate
from edgeblur.pictures.images import Floats

_MOST = 16.0
"""A channel grows by so much at most, beside the largest: one that calibration saw little of needs its headroom."""
_BATCH = 16

Reader = tuple[str, int]
"""A convolution that reads a channel, and how many other channels come before it there."""


def equalize(net: Any, pictures: list[Floats]) -> bool:
    """Rescale the channels of a tf_keras net so that each reaches 1 on the calibration pictures; its output stays.

    Only channels between convolutions are, where no more than ReLU, pooling, dropout, resizing and concatenation lie
    between: batch norms and sums are left alone, and so are the nets that are made of them. A gate is eased as well.

    Args:
        net: changed in place.
        pictures: the calibration set, each `[1, H, W, 3]`.

    Returns:
        Whether there was anything to rescale.
    """
    if gated := has_gate(net):
        ease_gate(net)  # first: its ReLU6 then keeps what lies before it from being rescaled
    readers = _readers(net)
    for name, peaks in _peaks(net, list(readers), pictures).items():
        _multiply(net, name, readers[name], 1 / np.maximum(peaks, max(peaks.max() / _MOST, 1e-6)))
    return gated or bool(readers)


def _readers(net: Any) -> dict[str, list[Reader]]:
    """By the name of each convolution that can be rescaled: who reads its output."""
    found = {layer.name: _following(net, layer, 0) for layer in net.layers if _is_convolution(layer)}
    return {name: readers for name, readers in found.items() if readers}


def _following(net: Any, layer: Any, before: int) -> list[Reader] | None:
    """Convolutions behind a layer, its channels coming there after `before` others; None if something else reads it."""
    import tf_keras

    if any(layer.output is output for output in net.outputs):
        return None
    readers: list[Reader] = []
    for node in layer.outbound_nodes:
        reader, offset = node.outbound_layer, before
        if reader not in net.layers:  # it belongs to another net, with layers of this one
            continue
        if len(reader.inbound_nodes) > 1:
            return None
        if _is_convolution(reader):
            readers.append((reader.name, offset))
            continue
        if isinstance(reader, tf_keras.layers.Concatenate):
            offset += _channels_before(reader, layer.output)
        elif not _passes_on(reader):
            return None
        if (behind := _following(net, reader, offset)) is None:
            return None
        readers += behind
    return readers


def _is_convolution(layer: Any) -> bool:
    import tf_keras

    kinds = (tf_keras.layers.Conv2D, tf_keras.layers.Conv2DTranspose)
    # By its very class: others inherit from it whose weights lie otherwise.
    return type(layer) in kinds and layer.groups == 1 and layer.activation.__name__ in ("linear", "relu")


def _passes_on(layer: Any) -> bool:
    """Whether a layer's output is scaled when its input is."""
    import tf_keras

    layers = tf_keras.layers
    if isinstance(layer, layers.ReLU):
        return layer.max_value is None and layer.threshold == 0
    return isinstance(layer, (layers.MaxPooling2D, layers.AveragePooling2D, layers.UpSampling2D, layers.Dropout))


def _channels_before(concatenate: Any, tensor: Any) -> int:
    order = [part is tensor for part in concatenate.input].index(True)
    return sum(part.shape[-1] for part in concatenate.input[:order])


def _peaks(net: Any, names: list[str], pictures: list[Floats]) -> dict[str, Floats]:
    """The maximum of each output channel of a convolution, behind its ReLU if it has one."""
    import tf_keras

    if not names:
        return {}
    seen = []
    for name in names:
        layer = net.get_layer(name)
        behind = [node.outbound_layer for node in layer.outbound_nodes]
        seen.append(behind[0].output if [type(b) for b in behind] == [tf_keras.layers.ReLU] else layer.output)
    finder = tf_keras.Model(net.input, seen)
    peaks = {name: np.zeros(tensor.shape[-1], np.float32) for name, tensor in zip(names, seen, strict=True)}
    for start in range(0, len(pictures), _BATCH):
        found = finder(np.concatenate(pictures[start : start + _BATCH]))
        for name, values in zip(names, found if len(names) > 1 else [found], strict=True):
            peaks[name] = np.maximum(peaks[name], np.abs(values).max((0, 1, 2)))
    return peaks


def _multiply(net: Any, name: str, readers: list[Reader], factors: Floats) -> None:
    """Scale a convolution's output, and divide where it is read."""
    import tf_keras

    def is_transposed(layer: Any) -> bool:
        return isinstance(layer, tf_keras.layers.Conv2DTranspose)  # its kernel has outputs before inputs

    layer = net.get_layer(name)
    kernel, *bias = layer.get_weights()
    kernel = kernel * (factors[:, np.newaxis] if is_transposed(layer) else factors)
    layer.set_weights([kernel, *(b * factors for b in bias)])
    for other, before in readers:
        reader, own = net.get_layer(other), slice(before, before + len(factors))
        kernel, *bias = reader.get_weights()
        if is_transposed(reader):
            kernel[..., own] /= factors
        else:
            kernel[:, :, own] /= factors[:, np.newaxis]
        reader.set_weights([kernel, *bias])
