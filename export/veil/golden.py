"""The golden rows of a veil's self-test: noise that any board can make, and what must come of it."""

from __future__ import annotations

import zlib

import numpy as np

from edgeblur.export.tflite.finder import Finder
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import colours, net_picture, shrink, veil
from edgeblur.pictures.arrays import Pixels

SEED = 0x2545F491


def noise(plan: VeilPlan) -> Pixels:
    """A frame of xorshift32's upper bytes (Marsaglia 2003; 13, 17, 5), row after row."""
    state, count = SEED, plan.height * plan.row_bytes
    values = bytearray(count)
    for i in range(count):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        values[i] = state >> 24
    return np.frombuffer(bytes(values), np.uint8).reshape(plan.height, -1)


def golden_crc32(plan: VeilPlan, finder: Finder) -> int:
    """What a board must come to: the CRC-32 of the noise's mask, row by row, and of the noise veiled by a pattern.

    Cell number i of the pattern, row by row, has the level `5 * i mod 9`.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=finder.data, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    frame = noise(plan)
    means = shrink(frame, plan)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], to_raw(net_picture(means, plan), finder.input))
    interpreter.invoke()
    mask = np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    cells = np.arange(plan.x.cells * plan.y.cells, dtype=np.int64) * 5 % 9
    held = cells.reshape(plan.y.cells, plan.x.cells).astype(np.uint8)
    crc = zlib.crc32(mask.tobytes())
    return zlib.crc32(np.ascontiguousarray(veil(frame, held, colours(means, plan), plan)).tobytes(), crc)
