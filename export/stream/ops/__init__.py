"""One file an operator: what it checks, which rows it needs, what its kernel is told."""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.ops import (
    add,
    arg_max,
    average_pool_2d,
    concatenation,
    conv_2d,
    depth_to_space,
    depthwise_conv_2d,
    extremes,
    fully_connected,
    lookup,
    max_pool_2d,
    move,
    mul,
    pad,
    prelu,
    reduce,
    resize_bilinear,
    resize_nearest_neighbor,
    shapes,
    softmax,
    space_to_depth,
    transpose_conv,
)
from edgeblur.export.tflite.graph import Op

LOWERINGS: dict[str, Callable[[Builder, Op], None]] = {
    **dict.fromkeys(add.KINDS, add.lower),
    **dict.fromkeys(arg_max.KINDS, arg_max.lower),
    "AVERAGE_POOL_2D": average_pool_2d.lower,
    "CONCATENATION": concatenation.lower,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    "DEPTH_TO_SPACE": depth_to_space.lower,
    **dict.fromkeys(extremes.KINDS, extremes.lower),
    "FULLY_CONNECTED": fully_connected.lower,
    **dict.fromkeys(lookup.KINDS, lookup.lower),
    "MAX_POOL_2D": max_pool_2d.lower,
    "MOVE": move.lower,
    "MUL": mul.lower,
    **dict.fromkeys(pad.KINDS, pad.lower),
    "PRELU": prelu.lower,
    **dict.fromkeys(reduce.KINDS, reduce.lower),
    "RESIZE_BILINEAR": resize_bilinear.lower,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest_neighbor.lower,
    **dict.fromkeys(shapes.KINDS, shapes.lower),
    "SOFTMAX": softmax.lower,
    "SPACE_TO_DEPTH": space_to_depth.lower,
    "TABLE": lookup.lower_table,
    "TRANSPOSE_CONV": transpose_conv.lower,
}
"""By op kind: adds the op's node to the net, lets it vanish, or refuses it."""
