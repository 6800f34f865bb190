"""The U-Net of the thesis and its narrower relatives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgeblur.errors import UserError

CARRIERS = 3
"""Channels of the finest level that carry red, green and blue through a new net."""
OUTPUTS = ("sigmoid", "linear")
"""What follows the last 1x1 conv: the thesis's sigmoid, or nothing, by which a net can pass on its input exactly."""
GATE = 2 * CARRIERS
"""The channel of the finest level that opens the gate; below it the picture and a blurred one are carried."""
GATED = GATE + 2
"""Channels of the finest level that a net with a gate needs: the picture, a blurred picture, and two for the gate."""


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
        output: one of `OUTPUTS`. A linear net of at least `GATED` filters starts as a blend with a gate
            (`_start_as_blend`).
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
    output: str = "sigmoid"

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
            output=data.get("output", "sigmoid"),
        )


def unet_spec(
    base: int = 32,
    levels: int = 3,
    *,
    height: int = 128,
    width: int = 128,
    batch_norm: bool = False,
    dropout: bool = False,
    output: str = "sigmoid",
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
        output=output,
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
    net = tf_keras.Model(inputs, layers.Activation(spec.output, name="out")(x), name="unet")
    if has_gate(net):
        _start_as_blend(net, spec)
    else:
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
    slope, offset = (5, -2.5) if spec.output == "sigmoid" else (1, 0)
    kernel, bias = net.get_layer("head").get_weights()
    kernel *= 0.1
    kernel[0, 0, :CARRIERS] = slope * np.eye(3)
    net.get_layer("head").set_weights([kernel, bias + offset])


def has_gate(net: Any) -> bool:
    """Whether a U-Net has a linear output and the channels for a gate: `gate_logit` then says where it sees faces.

    Not with batch norm, whose shift would move what is passed on.
    """
    names = {layer.name for layer in net.layers}
    if not {"dec1a", "dec1b", "head", "out"} <= names or "dec1a_norm" in names:
        return False
    if net.get_layer("out").activation.__name__ != "linear":
        return False
    return all(net.get_layer(name).output_shape[-1] >= GATED for name in ("dec1a", "dec1b", "up1"))


def gate_logit(net: Any) -> Any:
    """The tensor `[N, H, W, 1]` by which the gate opens, as a logit: it is 0 where half of the blur is let through.

    The gate is `relu(z) - relu(z - 1)`, so that it is open at z = 1 and shut at z = 0, where nothing can be learnt
    from the picture any more; from the logit `8 (z - 1/2)` it always can.
    """
    return 8.0 * (net.get_layer("dec1a").output[..., GATE : GATE + 1] - 0.5)


def _start_as_blend(net: Any, spec: UNetSpec) -> None:
    """Let a new net put out its input where a gate is shut, and means of large squares where it is open.

    A convolution with ReLU can choose exactly between two values in 0 to 1: relu(x - m) + relu(b - (1 - m)) is x for
    m = 0 and b for m = 1. So all that is left to learn is where the faces are. The picture x comes by the finest skip,
    the blurred one b is averaged at every level on its way down and up, the gate m comes out of the features beside
    them. All of it are weights like others, which go on learning.
    """
    colours = np.arange(CARRIERS)
    first, last = len(spec.encoder[0]), len(spec.encoder)
    for name in conv_names("enc1", first):
        _carry(net, name, colours, colours, size=1)
    deeper = [f"enc{level}" for level in range(2, last + 1)] + ["mid"] + [f"dec{level}" for level in range(last, 1, -1)]
    widths = dict(stages(spec))
    for stage in deeper:
        for name in conv_names(stage, len(widths[stage])):
            _carry(net, name, colours, colours, size=3)
    for level in range(1, last + 1):
        kernel, bias = net.get_layer(f"up{level}").get_weights()
        kernel[:, :, colours] = 0
        kernel[:, :, colours, colours] = 1
        net.get_layer(f"up{level}").set_weights([kernel, bias])
    below, skipped = CARRIERS + colours, spec.up[-1]
    _carry(net, "dec1a", skipped + colours, colours, size=1)
    _carry(net, "dec1a", colours, below, size=3)
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[:, :, [*colours, *(skipped + colours)], GATE:] = 0
    kernel[..., GATE] *= 0.1  # shut, but for a crack
    kernel[..., GATE + 1] = kernel[..., GATE]
    bias[GATE : GATE + 2] = 0, -1
    net.get_layer("dec1a").set_weights([kernel, bias])
    for carried, sign in ((colours, -1), (below, 1)):
        _carry(net, "dec1b", carried, carried, size=1)
        kernel, bias = net.get_layer("dec1b").get_weights()
        kernel[1, 1, GATE, carried], kernel[1, 1, GATE + 1, carried] = sign, -sign
        bias[carried] = 0 if sign < 0 else -1
        net.get_layer("dec1b").set_weights([kernel, bias])
    kernel, bias = net.get_layer("head").get_weights()
    kernel *= 0.05
    kernel[0, 0, colours], kernel[0, 0, below] = np.eye(CARRIERS), np.eye(CARRIERS)
    net.get_layer("head").set_weights([kernel, bias])


def _carry(net: Any, name: str, inputs: Any, outputs: Any, *, size: int) -> None:
    """Make channels of a 3x3 conv pass on others, as they are (size 1) or averaged over 3x3 pixels (size 3)."""
    kernel, bias = net.get_layer(name).get_weights()
    kernel[..., outputs] = 0
    window = slice(1, 2) if size == 1 else slice(0, 3)
    for source, to in zip(inputs, outputs, strict=True):
        kernel[window, window, source, to] = 1 / size**2
    net.get_layer(name).set_weights([kernel, bias])
