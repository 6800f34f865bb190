"""The centre net: of each cell of 8x8 pixels it says whether a face's centre lies there, and how large the face is.

    picture -> trunk of a mask head, to 1/8 of the size -> a score for each cell
                                                        -> a box for each cell

It is the cheapest kind of detector (as Edge Impulse's FOMO of 2022, which gives no size; Zhou et al. 2019, "Objects as
Points", does). Its two outputs are those of a detector with one anchor a cell (`edgeblur.export.tflite.detector`), so
that engines, boards and the veil take it as they take BlazeFace.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from edgeblur.distill.nets.mask_head import MaskSpec, rare_faces, trunk
from edgeblur.records import Record

SCORES = "scores"
"""The layer of logits, `[N, H/8, W/8, 1]`, moved so that the veil's limits are the net's clamp."""
BOXES = "boxes"
"""The layer of boxes, `[N, H/8, W/8, 4]`: x and y of the centre from the cell's middle, width, height, in pixels."""
CELL = 8
"""How many pixels of the picture a cell stands for, along each side."""
VEILED_FROM, VEILED_FULLY = 0.4, 0.5
"""Scores from which the veil begins, and is complete (`edgeblur.export.tflite.finder.BOX_CLAMP`)."""
_BOX_UNIT = 16.0  # pixels: what the last convolution counts in, so that its weights are as large as others


@dataclass(frozen=True)
class CentreSpec(Record):
    """A centre net by its numbers.

    Attributes:
        height: of the input, in pixels.
        width: of the input, in pixels.
        widths: filters of the trunk at 1/2, 1/4, 1/8 and 1/16 size.
        depths: 3x3 convs of the trunk at 1/4, 1/8 and 1/16 size on the way down.
        fine: the same at 1/8 size on the way up.
        threshold: probability of a face, as the net learnt it, from which its box begins to be veiled.
        full: probability from which it is veiled fully.
    """

    KEYS: ClassVar = ("family",)

    height: int = 128
    width: int = 128
    widths: tuple[int, ...] = (4, 16, 24, 40)
    depths: tuple[int, ...] = (1, 2, 3)
    fine: int = 2
    threshold: float = VEILED_FROM
    full: float = VEILED_FULLY

    def __post_init__(self) -> None:
        _ = self.trunk  # refuses what a mask head refuses
        if not 0 < self.threshold < self.full < 1:
            raise ValueError(f"veiling begins at {self.threshold} and is full at {self.full}: not an ascent in 0 to 1")

    @property
    def family(self) -> str:
        """What distinguishes its JSON from another family's."""
        return "centre"

    @property
    def trunk(self) -> MaskSpec:
        """The mask head whose trunk it has."""
        return MaskSpec(self.height, self.width, fine=self.fine, widths=self.widths, depths=self.depths, finest=2)


def build_centre_net(spec: CentreSpec, *, seed: int = 0) -> Any:
    """Build the net as a tf_keras model, `[N, height, width, 3]` floats 0 to 1 to scores and boxes."""
    import tf_keras

    tf_keras.utils.set_random_seed(seed)
    layers = tf_keras.layers
    picture = layers.Input((spec.height, spec.width, 3), name="picture")
    seen = trunk(picture, spec.trunk)
    logits = layers.Conv2D(1, 1, bias_initializer=rare_faces(), name="centre_logit")(seen)
    boxes = layers.Conv2D(4, 1, bias_initializer=_usual_box(), name="box_units")(seen)
    # Both become part of the convolutions when the net is converted.
    ends = [layers.Rescaling(1.0, name=SCORES)(logits), layers.Rescaling(_BOX_UNIT, name=BOXES)(boxes)]
    net = tf_keras.Model(picture, ends, name="centre_net")
    set_centre_clamp(net, spec.threshold, spec.full)
    return net


def set_centre_clamp(net: Any, threshold: float, full: float) -> None:
    """Choose which probabilities the veil takes for its limits; no training is needed after it."""
    layer = net.get_layer(SCORES)
    layer.scale = (_logit(VEILED_FULLY) - _logit(VEILED_FROM)) / (_logit(full) - _logit(threshold))
    layer.offset = _logit(VEILED_FULLY) - layer.scale * _logit(full)


def centre_clamp(net: Any) -> tuple[float, float]:
    """The inverse of `set_centre_clamp`."""
    layer = net.get_layer(SCORES)
    low, full = (
        1 / (1 + math.exp((layer.offset - _logit(limit)) / layer.scale)) for limit in (VEILED_FROM, VEILED_FULLY)
    )
    return round(low, 5), round(full, 5)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _usual_box() -> Any:
    """In the cell's middle, of the size of most faces."""
    import tf_keras

    return tf_keras.initializers.Constant([0.0, 0.0, 2.0, 2.0])


def has_centres(net: Any) -> bool:
    """Whether a net is a centre net."""
    return [tuple(output.shape[3:]) for output in net.outputs if len(output.shape) == 4] == [(1,), (4,)]
