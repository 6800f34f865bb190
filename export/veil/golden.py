"""The golden rows of a veil's self-test: noise that any board can make, and what must come of it."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.finder import Finder
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.boxes import Box, draw, suppress
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import colours, mask_levels, net_picture, shrink, veil
from edgeblur.pictures.arrays import Pixels

SEED = 0x2545F491
_BLOCK = 1 << 18
_KEPT = 4
"""`fit` compiles the same veil for each core."""
NOISE_BOXES = 24
"""Boxes of noise that are suppressed and drawn in the self-test of a detector."""


def noise(plan: VeilPlan) -> Pixels:
    """A frame of xorshift32's upper bytes (Marsaglia 2003; 13, 17, 5), row after row."""
    frame = np.empty(plan.height * plan.row_bytes, np.uint8)
    at = 0
    for values in _random(len(frame)):
        frame[at : at + len(values)] = values >> np.uint32(24)
        at += len(values)
    return frame.reshape(plan.height, -1)


def _random(count: int) -> Iterator[NDArray[np.uint32]]:
    """So many numbers, in blocks.

    A step is linear in a number's bits, and so are many steps at once: a block grows by itself, so many steps further
    on, until it is long; then all of it jumps.
    """
    jump = _step(
        np.uint32(1) << np.arange(32, dtype=np.uint32)
    )  # what becomes of each bit in as many steps as `block` has
    block = _step(np.array([SEED], np.uint32))
    while len(block) < min(count, _BLOCK):
        block, jump = np.concatenate([block, _jumped(block, jump)]), _jumped(jump, jump)
    for left in range(count, 0, -len(block)):
        yield block[:left]
        block = _jumped(block, jump)


def _step(states: NDArray[np.uint32]) -> NDArray[np.uint32]:
    states = states ^ states << np.uint32(13)
    states ^= states >> np.uint32(17)
    return states ^ states << np.uint32(5)


def _jumped(states: NDArray[np.uint32], jump: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Sums (XOR) of what their bits become, from a table for each of their four bytes."""
    result, values = np.zeros_like(states), np.arange(256)
    for place in range(0, 32, 8):
        table = np.zeros(256, np.uint32)
        for bit in range(8):
            table ^= np.where(values >> bit & 1, jump[place + bit], np.uint32(0))
        result ^= table[states >> np.uint32(place) & np.uint32(255)]
    return result


def _noise_boxes(plan: VeilPlan, count: int) -> list[Box]:
    """Boxes anywhere, up to half as large as the net's input."""
    numbers, wide, tall = np.concatenate(list(_random(5 * count))) >> np.uint32(8), plan.x.net, plan.y.net
    drawn: list[list[int]] = numbers.reshape(count, 5).tolist()
    return [
        Box(x % (16 * wide), y % (16 * tall), 1 + width % (8 * wide), 1 + height % (8 * tall), (score & 255) - 128)
        for x, y, width, height, score in drawn
    ]


@functools.lru_cache(_KEPT)
def golden_crc32(plan: VeilPlan, finder: Finder, order: tuple[int, ...]) -> int:
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
