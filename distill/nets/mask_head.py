"""The mask head: a small net that finds faces, and a fixed blur and blend around it. Picture in, picture out.

    picture -> small U-Net -> mask at 1/4 size -> dilated, steepened -> alpha at full size
    picture -> large pools -> blurred picture
    output = picture + alpha * (blurred - picture)

Where alpha is 0 the picture passes unchanged, in int8 byte for byte. All of it is made of ops that a row-streaming
engine has, so what is exported is one plain .tflite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edgeblur.errors import UserError
from edgeblur.records import Record

MASK = "mask"
"""The layer that outputs the mask, `[N, H/4, W/4, 1]`, 0 to 1, before it is dilated and steepened."""
LOGIT = "mask_logit"
"""The layer before its sigmoid."""
SHRINK = 4
"""How many pixels of the picture a cell of the mask stands for, along each side."""
_DEEPEST = 16  # pixels a cell of the coarsest level: four convs of stride 2
_TOP = 6.0  # where ReLU6 clips: the clamp at 1 is made of it


@dataclass(frozen=True)
class MaskSpec(Record):
    """A mask head by its numbers.

    Attributes:
        height: of the input, in pixels.
        width: of the input, in pixels.
        base: filters at half size; they double with each halving.
        down: 3x3 convs at 1/4 and at 1/8 size on the way down, the one of stride 2 included.
        bottom: the same at the coarsest level.
        fine: 3x3 convs at 1/4 size on the way up, where the mask gets its rim.
        top: filters at half size; 0 is `base`.
        widths: filters at 1/2, 1/4, 1/8 and 1/16 size, in the place of `base` and `top`. 0 at half size leaves that
            level out: the first conv goes straight to 1/4 size, as what looks at all pixels costs most.
        depths: 3x3 convs at 1/4, 1/8 and 1/16 size on the way down, in the place of `down` and `bottom`.
        stem: side of the first conv's kernel.
        finest: the level at which the way up ends, 1 for 1/4 size or 2 for 1/8. From 1/8 size the mask comes by a
            transposed conv: four cells of it from one place, without features at 1/4 size.
        separable: each 3x3 conv but the first is one of single channels with a 1x1 conv behind it (Howard et al. 2017,
            "MobileNets"): an eighth of the MACs, and a mask that is worse for them (docs/families.md).
        dilate: cells by which the mask is grown to all sides before it becomes alpha.
        threshold: mask value from which a cell begins to be blurred.
        full: mask value from which it is blurred fully.
        pool: side in pixels of the squares whose means are the blurred picture.
        overlap: distance of these squares is `pool / overlap`.
        smooth: whether 3x3 means of these means are taken.
    """

    KEYS: ClassVar = ("family",)

    height: int = 128
    width: int = 128
    base: int = 8
    down: int = 2
    bottom: int = 3
    fine: int = 1
    top: int = 0
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()
    stem: int = 3
    finest: int = 1
    separable: bool = False
    dilate: int = 0
    threshold: float = 0.3
    full: float = 0.5
    pool: int = 32
    overlap: int = 2
    smooth: bool = False

    def __post_init__(self) -> None:
        multiple = max(_DEEPEST, self.pool // self.overlap)
        if self.height % multiple or self.width % multiple:
            raise UserError(f"a mask head needs sides that are multiples of {multiple}, got {self.width}x{self.height}")
        if self.widths and (len(self.widths) != 4 or min(self.widths[1:]) < 1 or self.widths[0] < 0):
            raise ValueError(f"widths are four numbers of filters, the first of which may be 0, got {self.widths}")
        if self.depths and (len(self.depths) != 3 or min(self.depths) < 1):
            raise ValueError(f"depths are three numbers of convs, got {self.depths}")
        if self.finest not in (1, 2):
            raise ValueError(f"the way up ends at level 1 or 2, not {self.finest}")
        if not 0 <= self.threshold < self.full <= 1:
            raise ValueError(f"blurring begins at {self.threshold} and is full at {self.full}: not an ascent in 0 to 1")

    @property
    def filters(self) -> tuple[int, ...]:
        """At 1/2, 1/4, 1/8 and 1/16 size; 0 where there is no such level."""
        return self.widths or (self.top or self.base, *(self.base << level for level in (1, 2, 3)))

    @property
    def convs(self) -> tuple[int, ...]:
        """On the way down at 1/4, 1/8 and 1/16 size."""
        return self.depths or (self.down, self.down, self.bottom)

    @property
    def family(self) -> str:
        """What distinguishes its JSON from a U-Net's."""
        return "mask"


def mask_spec(base: int = 8, *, height: int = 128, width: int = 128) -> MaskSpec:
    """The mask head that is trained today; `MaskSpec`'s own defaults are what older model.json files leave out."""
    return MaskSpec(height, width, base, fine=2)


def live_spec(*, height: int = 128, width: int = 128) -> MaskSpec:
    """The mask head for video: two fifths of the MACs of `mask_spec()`.

    Nearly nothing happens at half and at 1/4 size, where an instruction is spent 16 and 4 times as often as at 1/8.
    """
    return MaskSpec(height, width, widths=(8, 16, 24, 44), depths=(1, 2, 3), finest=2)


def build_mask_head(spec: MaskSpec, *, seed: int = 0) -> Any:
    """Build the net as a tf_keras model, `[N, height, width, 3]` floats 0 to 1 to the same shape.

    Only what leads to the layer `mask` has weights to learn; blur and blend are fixed. Batch norm folds away when
    the net is converted.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    layers = tf_keras.layers
    picture = layers.Input((spec.height, spec.width, 3), name="picture")
    mask = layers.Activation("sigmoid", name=MASK)(_logit(trunk(picture, spec), spec))
    alpha = _alpha(mask, spec)
    change = layers.Subtract(name="change")([_blurred(picture, spec), picture])
    shown = layers.Multiply(name="shown")([alpha, change])
    net = tf_keras.Model(picture, layers.Add(name="out")([picture, shown]), name="mask_head")
    set_clamp(net, spec.threshold, spec.full)
    return net


def trunk(picture: Any, spec: MaskSpec) -> Any:
    """Features of `spec.filters[spec.finest]` channels, at 1/4 or 1/8 of the picture's size.

    Down to 1/16 by convs of stride 2, up again by repeating cells and adding the skip.
    """
    import tf_keras

    layers = tf_keras.layers
    first = "half" if spec.filters[0] else "down1_1"

    def normed(x: Any, name: str, *, active: bool) -> Any:
        x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x)
        return layers.ReLU(name=f"{name}_relu")(x) if active else x

    def conv(x: Any, name: str, filters: int, *, size: int = 3, stride: int = 1, active: bool = True) -> Any:
        if spec.separable and size > 1 and name != first:
            x = layers.DepthwiseConv2D(
                size, stride, "same", use_bias=False, depthwise_initializer="he_normal", name=f"{name}_each"
            )(x)
            x, size, stride = normed(x, f"{name}_each", active=True), 1, 1
        x = layers.Conv2D(filters, size, stride, "same", use_bias=False, kernel_initializer="he_normal", name=name)(x)
        return normed(x, name, active=active)

    def convs(x: Any, stage: str, filters: int, count: int, *, done: int = 0) -> Any:
        for number in range(1 + done, count + 1):
            x = conv(x, f"{stage}_{number}", filters, stride=2 if number == 1 else 1)
        return x

    half, *filters, deepest = spec.filters
    if half:
        x = conv(picture, "half", half, size=spec.stem, stride=2)
    else:
        x = conv(picture, "down1_1", filters[0], size=spec.stem, stride=SHRINK)
    skips = []
    for level, width in enumerate(filters, 1):
        x = convs(x, f"down{level}", width, spec.convs[level - 1], done=int(level == 1 and not half))
        skips.append(x)
    x = convs(x, "bottom", deepest, spec.convs[-1])
    for level in range(2, spec.finest - 1, -1):
        x = conv(x, f"narrow{level}", filters[level - 1], size=1, active=False)
        x = layers.UpSampling2D(2, name=f"repeat{level}")(x)
        x = layers.Add(name=f"join{level}")([x, skips[level - 1]])
        x = conv(x, f"up{level}", filters[level - 1])
    for number in range(2, spec.fine + 1):
        x = conv(x, f"up{spec.finest}_{number}", filters[spec.finest - 1])
    return x


def _logit(x: Any, spec: MaskSpec) -> Any:
    """The mask before its sigmoid, at 1/4 size."""
    import tf_keras

    layers = tf_keras.layers
    if spec.finest == 1:
        return layers.Conv2D(1, 1, bias_initializer=rare_faces(), name=LOGIT)(x)
    return layers.Conv2DTranspose(1, 2, 2, bias_initializer=rare_faces(), name=LOGIT)(x)


def rare_faces() -> Any:
    """A new net believes that a tenth of the picture is face, as is true; else it first has to learn just that."""
    import tf_keras

    return tf_keras.initializers.Constant(-2.2)


def _alpha(mask: Any, spec: MaskSpec) -> Any:
    """The mask grown and clamped, three channels alike, at the picture's size: exactly 0 where nothing is to change."""
    import tf_keras

    layers = tf_keras.layers
    x = mask
    for step in range(spec.dilate):
        x = layers.MaxPooling2D(3, 1, "same", name=f"dilate{step + 1}")(x)
    x = layers.Conv2D(1, 1, trainable=False, name="steepen")(x)
    x = layers.ReLU(_TOP, name="clamp")(x)
    x = layers.Conv2D(3, 1, use_bias=False, trainable=False, name="spread")(x)
    return layers.UpSampling2D(SHRINK, interpolation="bilinear", name="alpha")(x)


def _blurred(picture: Any, spec: MaskSpec) -> Any:
    """The picture as means of large squares, a smooth surface laid through them."""
    import tf_keras

    layers = tf_keras.layers
    step = spec.pool // spec.overlap
    x = layers.AveragePooling2D(spec.pool, step, "same", name="means")(picture)
    if spec.smooth:
        x = layers.AveragePooling2D(3, 1, "same", name="smooth_means")(x)
    return layers.UpSampling2D(step, interpolation="bilinear", name="blurred")(x)


def has_mask(net: Any) -> bool:
    """Whether a net is a mask head, so that others can learn from its masks."""
    return any(layer.name == MASK for layer in net.layers)


def set_clamp(net: Any, threshold: float, full: float) -> None:
    """Choose between which values of the mask alpha climbs from 0 to 1; no training is needed after it."""
    import numpy as np

    slope = _TOP / (full - threshold)
    net.get_layer("steepen").set_weights([np.full((1, 1, 1, 1), slope), np.full(1, -slope * threshold)])
    net.get_layer("spread").set_weights([np.full((1, 1, 1, 3), 1 / _TOP)])
