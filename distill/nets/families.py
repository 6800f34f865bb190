"""The families of nets that edgeblur trains: by its spec a net is built and taught."""

from __future__ import annotations

from typing import Any

from edgeblur.distill.nets.centres import CentreSpec, build_centre_net, has_centres
from edgeblur.distill.nets.mask_head import LOGIT, MaskSpec, build_mask_head, has_mask
from edgeblur.distill.nets.unet import UNetSpec, build_unet, gate_logit, has_gate
from edgeblur.distill.training.lessons import Augmentation
from edgeblur.errors import RunError

FAMILIES = ("unet", "mask", "live", "centre")
"""unet: the thesis's U-Net outputs the blurred picture; mask: a smaller net finds the faces, the blur is fixed;
live: a mask head of one width for video, less than half of the work; centre: such a trunk with a detector's outputs."""

AUGMENTATIONS = {
    "unet": Augmentation(0.4, paste=0.6, smallest_paste=0.15, brightness=1.4, turn=25, stretch=0.6, scenes=3),
    "mask": Augmentation(
        0.4,
        paste=0.6,
        smallest_paste=0.15,
        faceless=0.15,
        brightness=1.0,
        turn=25,
        stretch=0.6,
        grain=0.03,
        cover=0.15,
        defocus=0.1,
        scenes=3,
    ),
}
"""What a family is shown: small, turned and dark faces; grain, bars and defocus only where a mask alone is learnt."""

NetSpec = UNetSpec | MaskSpec | CentreSpec


def build_net(spec: NetSpec, *, seed: int = 0) -> Any:
    """Build a net of any family, `[N, H, W, 3]` floats 0 to 1 to the same shape; a centre net has two outputs.

    Raises:
        UserError: there are no such nets for pictures of this size.
        RunError: its weights do not fit into memory.
    """
    import tensorflow as tf

    try:
        if isinstance(spec, CentreSpec):
            return build_centre_net(spec, seed=seed)
        return build_mask_head(spec, seed=seed) if isinstance(spec, MaskSpec) else build_unet(spec, seed=seed)
    except tf.errors.ResourceExhaustedError as error:
        raise RunError(
            "there is too little memory for a net of this width: choose a smaller width", options=("width",)
        ) from error


def finds_masks(spec: NetSpec) -> bool:
    """Whether a net of this spec learns where faces are; others learn how the blurred picture looks."""
    return isinstance(spec, MaskSpec | CentreSpec) or spec.output == "gate"


def learns_masks(net: Any) -> bool:
    """Whether a net learns from masks: all that find them, and centre nets, which read centres and sizes from them."""
    return has_centres(net) or mask_logit(net) is not None


def mask_logit(net: Any) -> Any:
    """The tensor `[N, h, w, 1]` by which a net that finds masks says where faces are, before its sigmoid; or None."""
    if has_mask(net):
        return net.get_layer(LOGIT).output
    return gate_logit(net) if has_gate(net) else None


def augmentation(family: str, output: str) -> Augmentation:
    """How pictures are varied for a net of this family: a U-Net with a gate learns masks as a mask head does."""
    return AUGMENTATIONS["unet" if family == "unet" and output != "gate" else "mask"]
