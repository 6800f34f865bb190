"""The golden rows of a veil's self-test: noise that any board can make, and what must come of it."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from edgeblur.export.tflite.finder import Finder
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.boxes import Box, draw, suppress
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import colours, mask_levels, net_picture, shrink, veil
from edgeblur.pictures.arrays import Pixels

SEED = 0x2545F491
NOISE_BOXES = 24
"""Boxes of noise that are suppressed and drawn in the self-test of a detector."""


def noise(plan: VeilPlan) -> Pixels:
    """A frame of xorshift32's upper bytes (Marsaglia 2003; 13, 17, 5), row after row."""
    values = itertools.islice(_random(), plan.height * plan.row_bytes)
    return np.frombuffer(bytes(value >> 24 for value in values), np.uint8).reshape(plan.height, -1)


def _random() -> Iterator[int]:
    state = SEED
    while True:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        yield state


def _noise_boxes(plan: VeilPlan, count: int) -> list[Box]:
    """Boxes anywhere, up to half as large as the net's input."""
    values, wide, tall = (value >> 8 for value in _random()), plan.x.net, plan.y.net
    drawn = [[next(values) for _ in range(5)] for _ in range(count)]
    return [
        Box(x % (16 * wide), y % (16 * tall), 1 + width % (8 * wide), 1 + height % (8 * tall), (score & 255) - 128)
        for x, y, width, height, score in drawn
    ]


def golden_crc32(plan: VeilPlan, finder: Finder, order: Sequence[int]) -> int:
    """What a board must come to: the CRC-32 of the noise's mask, row by row, and of the noise veiled by a pattern.

    Tiles come one after the other. Cell number i of the pattern, row by row, has the level `5 * i mod 9`. Of a detector
    the rows of its outputs come in the place of the mask's, and behind them the cells of boxes of noise.

    Args:
        plan: of the frame.
        finder: at the plan's input size.
        order: which output each row is of that the finder gives.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=finder.data, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    frame = noise(plan)
    means = shrink(frame, plan)
    picture, crc = net_picture(means, plan), 0
    for left, top in plan.tiles.places if plan.tiles else [(0, 0)]:
        part = picture[top : top + finder.input.height, left : left + finder.input.width]
        raw = to_raw(np.ascontiguousarray(part), finder.input)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], raw)
        interpreter.invoke()
        outputs = [np.asarray(interpreter.get_tensor(each["index"]))[0] for each in interpreter.get_output_details()]
        rows = [iter(output) for output in outputs]
        crc = zlib.crc32(b"".join(next(rows[number]).tobytes() for number in order), crc)
    if plan.boxes is not None:
        drawn = draw(suppress(_noise_boxes(plan, min(NOISE_BOXES, plan.boxes.most))), plan.boxes)
        crc = zlib.crc32(mask_levels(drawn, plan).tobytes(), crc)
    cells = np.arange(plan.x.cells * plan.y.cells, dtype=np.int64) * 5 % 9
    held = cells.reshape(plan.y.cells, plan.x.cells).astype(np.uint8)
    return zlib.crc32(np.ascontiguousarray(veil(frame, held, colours(means, plan), plan)).tobytes(), crc)
