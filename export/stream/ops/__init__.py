"""One file an operator: what it checks, which rows it needs, what its kernel is told."""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.export.stream.builder import Builder
from edgeblur.export.stream.ops import (
    concatenation,
    conv_2d,
    lookup,
    max_pool_2d,
    shapes,
    transpose_conv,
)
from edgeblur.export.tflite import Op

LOWERINGS: dict[str, Callable[[Builder, Op], None]] = {
    "CONCATENATION": concatenation.lower,
    "CONV_2D": conv_2d.lower,
    **dict.fromkeys(lookup.KINDS, lookup.lower),
    "MAX_POOL_2D": max_pool_2d.lower,
    **dict.fromkeys(shapes.KINDS, shapes.lower),
    "TRANSPOSE_CONV": transpose_conv.lower,
}
"""By op kind: adds the op's node to the net, lets it vanish, or refuses it."""
