"""The centre net: of each cell of 8x8 pixels it says whether a face's centre lies there, and how large the face is.

    picture -> trunk of a mask head, to 1/8 of the size -> a score for each cell
                                                        -> a box for each cell

It is the cheapest kind of detector (as Edge Impulse's FOMO of 2022, which gives no size; Zhou et al. 2019, "Objects as
Points", does). Its two outputs are those of a detector with one anchor a cell (`edgeblur.export.tflite.detector`), so
that engines, boards and the veil take it as they take BlazeFace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from edgeblur.distill.nets.mask_head import MaskSpec, rare_faces, trunk
from edgeblur.records import Record

SCORES = "scores"
"""The layer of logits, `[N, H/8, W/8, 1]`."""
BOXES = "boxes"
"""The layer of boxes, `[N, H/8, W/8, 4]`: x and y of the centre from the cell's middle, width, height, in pixels."""
CELL = 8
"""How many pixels of the picture a cell stands for, along each side."""
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
    """

    KEYS: ClassVar = ("family",)

    height: int = 128
    width: int = 128
    widths: tuple[int, ...] = (4, 16, 24, 40)
    depths: tuple[int, ...] = (1, 2, 3)
    fine: int = 2

    def __post_init__(self) -> None:
        _ = self.trunk  # refuses what a mask head refuses

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
    scores = layers.Conv2D(1, 1, bias_initializer=rare_faces(), name=SCORES)(seen)
    boxes = layers.Conv2D(4, 1, bias_initializer=_usual_box(), name="box_units")(seen)
    return tf_keras.Model(picture, [scores, layers.Rescaling(_BOX_UNIT, name=BOXES)(boxes)], name="centre_net")


def _usual_box() -> Any:
    """In the cell's middle, of the size of most faces."""
    import tf_keras

    return tf_keras.initializers.Constant([0.0, 0.0, 2.0, 2.0])


def has_centres(net: Any) -> bool:
    """Whether a net is a centre net."""
    return [tuple(output.shape[3:]) for output in net.outputs if len(output.shape) == 4] == [(1,), (4,)]
