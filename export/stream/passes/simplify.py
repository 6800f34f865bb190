"""All passes in their order."""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.export.stream.passes.batches import fold_batches
from edgeblur.export.stream.passes.dead import drop_dead, drop_sizes
from edgeblur.export.stream.passes.dense import dense_on_pixels
from edgeblur.export.stream.passes.movement import move_rows
from edgeblur.export.stream.passes.pointwise import tabulate
from edgeblur.export.stream.passes.reductions import keep_axes
from edgeblur.export.tflite.graph import ABSENT, Graph, Op

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    drop_sizes,
    drop_dead,
    fold_batches,
    dense_on_pixels,
    keep_axes,
    tabulate,
    move_rows,
    drop_dead,
)


_INPUTS = {
    "BATCH_TO_SPACE_ND": 3,
    "MIRROR_PAD": 2,
    "PAD": 2,
    "PADV2": 2,
    "SPACE_TO_BATCH_ND": 3,
    "SPLIT": 2,
    "SPLIT_V": 3,
    "STRIDED_SLICE": 4,
    "SLICE": 3,
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "BROADCAST_TO", "FULLY_CONNECTED", "GATHER", "REVERSE_V2"), 2),
    **dict.fromkeys(("MEAN", "REDUCE_MAX", "REDUCE_MIN", "SUM", "TILE", "TRANSPOSE", "CONV_2D"), 2),
}
"""How many inputs an op has at least, if more than one; a file that says otherwise is left for a refusal."""


def _is_whole(op: Op) -> bool:
    needed = op.inputs[: _INPUTS.get(op.kind, 1)]
    return len(needed) == _INPUTS.get(op.kind, 1) and ABSENT not in needed and bool(op.outputs)


def simplify(graph: Graph) -> Graph:
    """A graph that means the same, byte for byte, said in the ops that the engine has."""
    if not all(map(_is_whole, graph.ops)):
        return graph
    for run in PASSES:
        graph = run(graph)
    return graph
