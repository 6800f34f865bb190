"""Operators of nets whose activations have 16 bits and whose weights have 8: one file a family.

What is not here is for 8 bits only (docs/operators.md).
"""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.ops import concatenation, shapes
from edgeblur.export.stream.ops.int16 import (
    conv_2d,
    curve,
    depthwise_conv_2d,
    moves,
    pairwise,
    requantize,
    transpose_conv,
)
from edgeblur.export.tflite.graph import Op

LOWERINGS_INT16: dict[str, Callable[[Builder, Op], None]] = {
    "ADD": pairwise.lower_sum,
    "AVERAGE_POOL_2D": moves.lower_average_pool,
    "CONCATENATION": concatenation.lower,
    "CONV_2D": conv_2d.lower,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d.lower,
    **dict.fromkeys(curve.KINDS, curve.lower),
    "MAX_POOL_2D": moves.lower_max_pool,
    "MOVE": moves.lower_move,
    "MUL": pairwise.lower_product,
    "PAD": moves.lower_pad,
    "PADV2": moves.lower_pad,
    **dict.fromkeys(requantize.KINDS, requantize.lower),
    "RESIZE_BILINEAR": moves.lower_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": moves.lower_nearest,
    **dict.fromkeys(shapes.KINDS, shapes.lower),
    "SUB": pairwise.lower_sum,
    "TRANSPOSE_CONV": transpose_conv.lower,
}
"""By op kind, as `LOWERINGS` of 8 bits."""
