"""The families of nets that edgeblur trains: by its spec a net is built and taught."""

from __future__ import annotations

from typing import Any

from edgeblur.distill.lessons import Augmentation
from edgeblur.distill.mask_head import MaskSpec, build_mask_head
from edgeblur.distill.unet import UNetSpec, build_unet

FAMILIES = ("unet", "mask")
"""unet: the thesis's U-Net puts out the blurred picture; mask: a smaller net finds the faces, the blur is fixed."""

AUGMENTATIONS = {
    "unet": Augmentation(0.4, paste=0.6, smallest_paste=0.15, brightness=1.4, turn=25, stretch=0.6, scenes=3),
    "mask": Augmentation(
        0.4,
        paste=0.6,
        smallest_paste=0.15,
        brightness=1.4,
        turn=25,
        stretch=0.6,
        grain=0.05,
        cover=0.3,
        defocus=0.2,
        scenes=3,
    ),
}
"""What a family is shown: small, turned and dark faces; grain, bars and defocus only where a mask alone is learnt."""

NetSpec = UNetSpec | MaskSpec


def build_net(spec: NetSpec, *, seed: int = 0) -> Any:
    """Build a net of either family, `[N, H, W, 3]` floats 0 to 1 to the same shape."""
    return build_mask_head(spec, seed=seed) if isinstance(spec, MaskSpec) else build_unet(spec, seed=seed)
