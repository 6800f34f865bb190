"""The U-Net of the thesis and its narrower relatives."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeblur.errors import UserError
from edgeblur.pictures.arrays import Floats
from edgeblur.records import Record

CARRIERS = 3
"""Channels of the finest level that carry red, green and blue through a new net."""
OUTPUTS = ("sigmoid", "linear", "gate")
"""What follows the last 1x1 conv: the thesis's sigmoid, or nothing, by which a net can pass on its input exactly.
With a gate nothing follows either, and the weights are such that the net chooses between its input and a blur of it."""
GATE = 2 * CARRIERS
"""The channel of the finest level that opens the gate; below it the picture and a blurred one are carried. The next one
shuts it."""
GATE_RELU = "dec1a_relu"
"""The layer that puts both out."""
_GAIN = 4.0  # by which the picture is carried: in int8, beside features that are larger than 1, it keeps its shades
_SLOPE = 0.25  # of the gate's channel over its logit: small beside the picture, for the same reason
_TOP = 6.0  # a ReLU that ends there has an op of its own in TFLite
_BLUR_GAIN = 64 / 127 * _GAIN  # of what is blended in and reaches twice as far; int8's 127 steps have no half
GATED = GATE + 2
"""Channels of the finest level that a net with a gate needs: the picture, a blurred picture, and two for the gate."""


@dataclass(frozen=True)
class UNetSpec(Record):
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
        output: one of `OUTPUTS`.
        threshold: of a gate: how probable a face has to be where the gate begins to open.
        full: of a gate: from which probability it is open.
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
    threshold: float = 0.1
    full: float = 0.3

    def __post_init__(self) -> None:
        levels = len(self.encoder)
        if self.output == "gate" and (self.batch_norm or min(*self.encoder[0], *self.decoder[-1], self.up[-1]) < GATED):
            raise UserError(
                f"a U-Net with a gate needs {GATED} filters at its top level and no batch norm, which would shift what "
                "is passed on: choose another output or width",
                options=("output", "width"),
            )
        if len(self.up) != levels or len(self.decoder) != levels:
            raise ValueError(f"{levels} encoder levels need as many up and decoder levels")
        if self.height % 2**levels or self.width % 2**levels:
            raise UserError(
                f"a U-Net of {levels} levels needs sides that are multiples of {2**levels}, "
                f"got {self.width}x{self.height}"
            )

    def as_json(self) -> dict[str, Any]:
        """Plain lists and numbers; a clamp only of a gate."""
        written = super().as_json()
        of_a_gate = () if self.output == "gate" else ("threshold", "full")
        return {name: value for name, value in written.items() if name not in of_a_gate}


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
    last = "sigmoid" if spec.output == "sigmoid" else "linear"
    net = tf_keras.Model(inputs, layers.Activation(last, name="out")(x), name="unet")
    if spec.output == "gate":
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
    """Whether a U-Net still is a blend of its input and a blur of it: taken from weights on the picture's way."""
    last = _blend(net)
    return last is not None and bool(np.allclose(last[GATE], -1 / _GAIN, atol=1e-3))


def _blend(net: Any) -> Floats | None:
    """The head's weights `[channels, 3]` if it lets the picture pass and reads no channel behind the gate's first."""
    if not {"enc1a", "dec1a", "dec1b", "head", "out"} <= {layer.name for layer in net.layers}:
        return None
    first, *_ = net.get_layer("enc1a").get_weights()
    last: Floats = net.get_layer("head").get_weights()[0][0, 0]
    if first.shape[-1] < GATED or last.shape[0] < GATED or net.get_layer("out").activation.__name__ != "linear":
        return None
    whole = first[1, 1, :, :CARRIERS] @ last[:CARRIERS]
    blends = np.allclose(whole, np.eye(CARRIERS), atol=1e-3) and np.abs(last[GATE + 1 :]).max(initial=0) < 1e-3
    return last if blends else None


def gate_logit(net: Any) -> Any:
    """The tensor `[N, H, W, 1]` by which the gate opens, as a logit of how probable a face is there.

    The first of the gate's two channels is a small multiple of it, 0 where the gate is half open, the second its
    negative. Where a ReLU shuts them nothing can be learnt from the picture any more; from the logit it always can.
    """
    middle, _ = _gate_range(net)
    return net.get_layer("dec1a").output[..., GATE : GATE + 1] / _SLOPE + middle


def gate_clamp(net: Any) -> tuple[float, float]:
    """From which probability of a face the gate begins to open, and from which it is open."""
    middle, half = _gate_range(net)
    return abs(round(_remembered(net), 5)), round(1 / (1 + math.exp(-middle - half)), 5)


def _remembered(net: Any) -> float:
    """The probability from which the gate opens: a bias that nobody reads, as no weight of the gate's own holds it."""
    return -float(net.get_layer("dec1b").get_weights()[1][GATE + 1])


def _gate_range(net: Any) -> tuple[float, float]:
    """The logit at which the gate is half open, and how far from it it is open or shut."""
    kernel, _ = net.get_layer("dec1b").get_weights()
    half = _GAIN / (_SLOPE * float(kernel[1, 1, GATE, GATE]))
    return _logit(_remembered(net)) + half, half


def _logit(probability: float) -> float:
    """The inverse of the sigmoid; of 0 and 1 that of what is a millionth away."""
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))


def set_gate(net: Any, threshold: float, full: float) -> None:
    """Choose between which probabilities of a face the gate opens; no training is needed after it."""
    before, _ = _gate_range(net)
    half = (_logit(full) - _logit(threshold)) / 2
    kernel, bias = net.get_layer("dec1a").get_weights()
    bias[GATE] += _SLOPE * (before - _logit(threshold) - half)
    _mirror(kernel, bias)
    net.get_layer("dec1a").set_weights([kernel, bias])
    _weigh_gate(net, threshold, half)


def _mirror(kernel: Floats, bias: Floats) -> None:
    """Let the gate's second channel be the negative of its first."""
    kernel[..., GATE + 1], bias[GATE + 1] = -kernel[..., GATE], -bias[GATE]


def _weigh_gate(net: Any, threshold: float, half: float) -> None:
    """Write into dec1b what opens and shuts: after `half` of a logit each is as large as the picture can be."""
    steep = _GAIN / (_SLOPE * half)
    kernel, bias = net.get_layer("dec1b").get_weights()
    blurred = np.arange(CARRIERS, GATE)
    kernel[1, 1, GATE, blurred] = steep * _BLUR_GAIN / _GAIN
    kernel[1, 1, GATE + 1, blurred] = -steep * _BLUR_GAIN / _GAIN
    kernel[..., GATE], bias[GATE] = 0, 0
    kernel[1, 1, GATE, GATE] = steep
    bias[GATE + 1] = -threshold  # see `_remembered`
    net.get_layer("dec1b").set_weights([kernel, bias])


def renew_gate(net: Any) -> None:
    """Give a net with a gate as it was until December 2026 today's: the same logit, clamp and pictures, no dark rims.

    Then a pixel was `relu(x - m) + relu(b - (1 - m))`, which is darker than both pictures where the gate is half open.
    """
    last = _blend(net)
    if last is None or np.abs(last[GATE]).max() >= 1e-3:
        return
    kernel, bias = net.get_layer("dec1a").get_weights()
    threshold, width = -float(net.get_layer("dec1b").get_weights()[1][GATE]), float(bias[GATE] - bias[GATE + 1])
    bias[GATE] -= width / 2
    _mirror(kernel, bias)
    net.get_layer("dec1a").set_weights([kernel, bias])
    _blend_pictures(net)
    _weigh_gate(net, threshold, width / _SLOPE / 2)


def ease_gate(net: Any) -> None:
    """Rewrite a gate so that int8 keeps it, without another output: of use before quantizing only.

    Its two channels reach far beyond the picture that shares their scale, and weigh far more than it where they are
    read. By a ReLU that ends where the picture does all of their steps lie between shut and open. Channels that nobody
    reads repeat the first one: as they were they would widen the range for all, and zeros would get a scale that fast
    kernels cannot use.

    Args:
        net: changed in place; its weights do not hold its clamp any more.
    """
    _, half = _gate_range(net)
    gate = slice(GATE, GATED)
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[..., :GATE] *= _TOP / _GAIN
    kernel[..., gate] *= _TOP / (_SLOPE * half)
    bias[gate] *= _TOP / (_SLOPE * half)
    kernel[..., GATED:], bias[GATED:] = kernel[..., :1], bias[0]
    net.get_layer("dec1a").set_weights([kernel, bias])
    net.get_layer(GATE_RELU).max_value = _TOP
    kernel, bias = net.get_layer("dec1b").get_weights()
    kernel[:, :, :GATE] *= _GAIN / _TOP
    kernel[:, :, gate] *= _SLOPE * half / _TOP
    kernel[:, :, GATED:] = 0
    kernel[..., GATE + 1 :], bias[GATE + 1 :] = kernel[..., :1], bias[0]
    net.get_layer("dec1b").set_weights([kernel, bias])


def held(net: Any) -> dict[str, list[np.ndarray[Any, np.dtype[np.float32]]]]:
    """What of a net with a gate carries the two pictures, layer by layer: for kernel and bias, 0 where it does, else 1.

    Adam moves each weight by as much as any other, and the picture comes through hundreds of them: a training that
    moves those too has lost the picture after a few steps and spends its time on getting it back.
    """
    ways = {layer.name: CARRIERS for layer in net.layers if re.fullmatch(r"(enc|mid|dec|up)\d?[a-z]?", layer.name)}
    ways |= {"dec1a": GATE, "dec1b": GATED, "head": CARRIERS}
    free = {name: [np.ones_like(w) for w in net.get_layer(name).get_weights()] for name in ways}
    for name, width in ways.items():
        kernel, bias = free[name]
        bias[:width] = 0
        if name.startswith("up"):  # a transposed conv's kernel has its outputs before its inputs
            kernel[:, :, :width] = 0
        else:
            kernel[..., :width] = 0
    return free


def _start_as_blend(net: Any, spec: UNetSpec) -> None:
    """Let a new net output its input where a gate is shut, and means of large squares where it is open.

    A convolution with ReLU can choose exactly between two values in 0 to 1: x - o + relu(b - x + o - s) is the larger
    of x - o and b - s, so x where the gate is shut (o = 0, s = 1), b where it is open (o = 1, s = 0), and nothing
    darker than both in between, where one goes to 0 before the other comes. So all that is left to learn is where the
    faces are. The picture x comes by the finest skip, the blurred one b is averaged at every level on its way down and
    up, o and s come out of the features beside them. All of it are weights like others, of which training leaves those
    alone that `held` names.
    """
    colours = np.arange(CARRIERS)
    first, last = len(spec.encoder[0]), len(spec.encoder)
    for number, name in enumerate(conv_names("enc1", first)):
        _carry(net, name, colours, colours, size=1, gain=1.0 if number else _GAIN)
    deeper = [f"enc{level}" for level in range(2, last + 1)] + ["mid"] + [f"dec{level}" for level in range(last, 1, -1)]
    widths = dict(stages(spec))
    for stage in deeper:
        for name in conv_names(stage, len(widths[stage])):
            _carry(net, name, colours, colours, size=3)
    for level in range(1, last + 1):
        kernel, bias = net.get_layer(f"up{level}").get_weights()
        kernel[..., colours] /= _GAIN
        kernel[:, :, colours] = 0
        kernel[:, :, colours, colours] = 1
        net.get_layer(f"up{level}").set_weights([kernel, bias])
    below, skipped = CARRIERS + colours, spec.up[-1]
    _carry(net, "dec1a", skipped + colours, colours, size=1)
    _carry(net, "dec1a", colours, below, size=3)
    kernel, bias = net.get_layer("dec1a").get_weights()
    kernel[:, :, [*colours, *(skipped + colours)], GATE:] = 0
    kernel[..., GATE] *= 0.1 * _SLOPE  # shut, but for a crack
    half = (_logit(spec.full) - _logit(spec.threshold)) / 2
    bias[GATE] = -_SLOPE * half  # a new net takes a face for as probable as where its gate begins to open
    _mirror(kernel, bias)
    net.get_layer("dec1a").set_weights([kernel, bias])
    _blend_pictures(net)
    _weigh_gate(net, spec.threshold, half)


def _blend_pictures(net: Any) -> None:
    """Write into dec1b and the head how the two pictures are blended; `_weigh_gate` writes what the gate adds to it."""
    colours = np.arange(CARRIERS)
    below = CARRIERS + colours
    _carry(net, "dec1b", colours, colours, size=1)
    kernel, bias = net.get_layer("dec1b").get_weights()
    kernel[..., below], bias[below] = 0, 0
    kernel[1, 1, below, below], kernel[1, 1, colours, below] = _BLUR_GAIN / _GAIN, -_BLUR_GAIN / _GAIN
    net.get_layer("dec1b").set_weights([kernel, bias])
    kernel, bias = (np.zeros_like(weights) for weights in net.get_layer("head").get_weights())
    kernel[0, 0, colours], kernel[0, 0, below] = np.eye(CARRIERS) / _GAIN, np.eye(CARRIERS) / _BLUR_GAIN
    kernel[0, 0, GATE] = -1 / _GAIN
    net.get_layer("head").set_weights([kernel, bias])


def _carry(net: Any, name: str, inputs: Any, outputs: Any, *, size: int, gain: float = 1.0) -> None:
    """Make channels of a 3x3 conv pass on others, as they are (size 1) or averaged over 3x3 pixels (size 3)."""
    kernel, bias = net.get_layer(name).get_weights()
    if gain == 1:  # they come with a gain already, which the features beside them were not drawn for
        kernel[:, :, inputs] /= _GAIN
    kernel[..., outputs] = 0
    window = slice(1, 2) if size == 1 else slice(0, 3)
    for source, to in zip(inputs, outputs, strict=True):
        kernel[window, window, source, to] = gain / size**2
    net.get_layer(name).set_weights([kernel, bias])
