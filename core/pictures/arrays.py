"""Pictures as arrays: the two types that everything speaks of, without what reads and writes files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture as bytes: `[height, width, 3]` RGB, or `[height, width]` for a mask."""

Floats = NDArray[np.float32]
"""A picture or batch as floats in 0 to 1."""


def changed_share(before: Pixels, after: Pixels) -> float:
    """The share of pixels that differ between two pictures `[height, width, 3]`, 0 to 1."""
    differs = before != after
    return float((differs[..., 0] | differs[..., 1] | differs[..., 2]).mean())
