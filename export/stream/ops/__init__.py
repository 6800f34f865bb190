"""One file an operator: what it checks, which rows it needs, what its kernel is told."""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.ops import (
    add,
    average_pool_2d,
    concatenation,
    conv_2d,
    depth_to_space,
    depthwise_conv_2d,
    lookup,
    max_pool_2d,
    mul,
    pad,
    prelu,
    resize_bilinear,
    resize_nearest_neighbor,
    shapes,
    space_to_depth,
    transpose_conv,
)
from edgeblur.export.tflite.graph import Op

LOWERINGS: dict[str, Callable[[Builder, Op], None]] = {
    **dict.fromkeys(add.KINDS, add.lower),
    "AVERAGE_POOL_2D": average_pool_2d.lower,
    "CONCATENATION": concatenation.lower,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    "DEPTH_TO_SPACE": depth_to_space.lower,
    **dict.fromkeys(lookup.KINDS, lookup.lower),
    "MAX_POOL_2D": max_pool_2d.lower,
    "MUL": mul.lower,
    **dict.fromkeys(pad.KINDS, pad.lower),
    "PRELU": prelu.lower,
    "RESIZE_BILINEAR": resize_bilinear.lower,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.lower,
    **dict.fromkeys(shapes.KINDS, shapes.lower),
    "SPACE_TO_DEPTH": space_to_depth.lower,
    "TRANSPOSE_CONV": transpose_conv.lower,
}
"""By op kind: adds the op's node to the net, lets it vanish, or refuses it."""
