"""The U-Net of the thesis and its narrower relatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgeblur.errors import UserError

CARRIERS = 3
"""Channels of the finest level that carry red, green and blue through a new net."""


@dataclass(frozen=True)
class UNetSpec:
    """A U-Net by its filters, conv by conv, so that a pruned net is a spec as well.

    Attributes:
        height: of the input, in pixels.
        width: of the input, in pixels.
        encoder: filters of the 3x3 convs of each level, the finest level first.
        bottleneck: filters of the 3x3 convs at the bottom.
        up: filters of the 2x2 stride-2 transposed convs, the coarsest first.
        decoder: filters of the 3x3 convs after each concat, the coarsest first.
        batch_norm: batch normalization between each 3x3 conv and its ReLU (it folds away when converted).
        encoder_dropout: rate after the deepest encoder level.
        bottleneck_dropout: rate after the bottleneck.
    """

    height: int
    width: int
    encoder: tuple[tuple[int, ...], ...]
    bottleneck: tuple[int, ...]
    up: tuple[int, ...]
    decoder: tuple[tuple[int, ...], ...]
    batch_norm: bool = False
    encoder_dropout: float = 0.0
    bottleneck_dropout: float = 0.0

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        if len(self.up) != levels or len(self.decoder) != levels:
            raise ValueError(f"{levels} encoder levels need as many up and decoder levels")
        if self.height % 2**levels or self.width % 2**levels:
            raise UserError(
                f"a U-Net of {levels} levels needs sides that are multiples of {2**levels}, "
                f"got {self.width}x{self.height}"
            )

    def as_json(self) -> dict[str, Any]:
        """Plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> UNetSpec:
        """The inverse of `as_json`."""
        return cls(
            height=data["height"],
            width=data["width"],
            encoder=tuple(map(tuple, data["encoder"])),
            bottleneck=tuple(data["bottleneck"]),
            up=tuple(data["up"]),
            decoder=tuple(map(tuple, data["decoder"])),
            batch_norm=data["batch_norm"],
            encoder_dropout=data["encoder_dropout"],
            bottleneck_dropout=data["bottleneck_dropout"],
        )


def unet_spec(
    base: int = 32,
    levels: int = 3,
    *,
    height: int = 128,
    width: int = 128,
    batch_norm: bool = False,
    dropout: bool = False,
) -> UNetSpec:
    """The family of the thesis: `base` filters at the top, doubling at each level; base 32, 3 levels is the teacher.

    Dropout, if wanted, is the thesis's: 0.05 in the deepest encoder level, 0.2 in the bottleneck.
    """
    filters = [base * 2**level for level in range(levels + 1)]
    down = tuple((f, f) for f in filters[:-1])
    return UNetSpec(
        height=height,
        width=width,
        encoder=down,
        bottleneck=(filters[-1], filters[-1]),
        up=tuple(reversed(filters[:-1])),
        decoder=tuple(reversed(down)),
        batch_norm=batch_norm,
        encoder_dropout=0.05 if dropout else 0.0,
        bottleneck_dropout=0.2 if dropout else 0.0,
    )


def conv_names(stage: str, count: int) -> list[str]:
    """`enc1a`, `enc1b`, ...: the convs of one stage."""
    return [f"{stage}{chr(ord('a') + i)}" for i in range(count)]


def stages(spec: UNetSpec) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The stages of 3x3 convs in the order they run, with their filters: enc1, enc2, ..., mid, ..., dec2, dec1."""
    levels = len(spec.encoder)
    for level, filters in enumerate(spec.encoder, start=1):
        yield f"enc{level}", filters
    yield "mid", spec.bottleneck
    for level, filters in zip(range(levels, 0, -1), spec.decoder, strict=True):
        yield f"dec{level}", filters


def build_unet(spec: UNetSpec, *, seed: int = 0) -> Any:
    """Build the net as a tf_keras model, `[N, height, width, 3]` floats 0 to 1 to the same shape.

    Layers are named after their place (`enc1a`, `pool1`, `midb`, `up3`, `cat3`, `dec3a`, `head`, `out`), the same in
    teacher and student. Weights are drawn from `seed`, except those that make a new net a pale copier of its input
    (`_start_as_copy`): what is left to learn is the blur. A short training ends nearer to its target for it.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    layers = tf_keras.layers

    def convs(x: Any, stage: str, filters: tuple[int, ...]) -> Any:
        for name, count in zip(conv_names(stage, len(filters)), filters, strict=True):
            x = layers.Conv2D(count, 3, padding="same", kernel_initializer="he_normal", name=name)(x)
            if spec.batch_norm:
                x = layers.BatchNormalization(name=f"{name}_norm")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        return x

    widths = dict(stages(spec))
    inputs = x = layers.Input((spec.height, spec.width, 3), name="picture")
    skips = []
    levels = len(spec.encoder)
    for level in range(1, levels + 1):
        x = convs(x, f"enc{level}", widths[f"enc{level}"])
        if level == levels and spec.encoder_dropout:
            x = layers.Dropout(spec.encoder_dropout, seed=seed, name="enc_dropout")(x)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"pool{level}")(x)
    x = convs(x, "mid", spec.bottleneck)
    if spec.bottleneck_dropout:
        x = layers.Dropout(spec.bottleneck_dropout, seed=seed, name="mid_dropout")(x)
    for level, filters in zip(range(levels, 0, -1), spec.up, strict=True):
        x = layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer="he_normal", name=f"up{level}")(x)
        x = layers.Concatenate(name=f"cat{level}")([x, skips.pop()])
        x = convs(x, f"dec{level}", widths[f"dec{level}"])
    x = layers.Conv2D(3, 1, name="head")(x)
    net = tf_keras.Model(inputs, layers.Activation("sigmoid", name="out")(x), name="unet")
    _start_as_copy(net, spec)
    return net


def _start_as_copy(net: Any, spec: UNetSpec) -> None:
    """Let the first three channels of the finest level pass the picture on, as in a DiracNet.

    Zagoruyko and Komodakis 2017, "DiracNets: Training Very Deep Neural Networks Without Skip-Connections". The head
    makes logits of them whose sigmoid is near the value itself; a net too narrow for three such channels stays random.
    """
    if min(*spec.encoder[0], *spec.decoder[-1]) < CARRIERS:
        return
    path = [*conv_names("enc1", len(spec.encoder[0])), *conv_names("dec1", len(spec.decoder[-1]))]
    for name in path:
        kernel, bias = net.get_layer(name).get_weights()
        skipped = spec.up[-1] if name == "dec1a" else 0  # where the concat lays the skip
        kernel[..., :CARRIERS] = 0
        kernel[1, 1, skipped : skipped + CARRIERS, :CARRIERS] = np.eye(CARRIERS)
        net.get_layer(name).set_weights([kernel, bias])
    kernel, bias = net.get_layer("head").get_weights()
    kernel *= 0.1
    kernel[0, 0, :CARRIERS] = 5 * np.eye(3)
    net.get_layer("head").set_weights([kernel, bias - 2.5])
