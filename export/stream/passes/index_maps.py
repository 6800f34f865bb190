"""Ops that only move numbers, done on an array of places instead: NumPy says what each op means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import Graph, Op
from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    DepthToSpaceOptions,
    GatherOptions,
    MirrorPadOptions,
    PackOptions,
    SpaceToDepthOptions,
    SplitOptions,
    StridedSliceOptions,
    UnpackOptions,
)

Places = NDArray[np.int64]
"""For each number of a tensor, where it comes from."""

Mover = Callable[[Graph, Op, Sequence[Places]], list[Places]]


class UnclearError(ValueError):
    """An op's constants are computed, or its options are not those that the map knows."""


def _constant(graph: Graph, op: Op, position: int) -> NDArray[Any]:
    tensor = graph.tensors[op.inputs[position]]
    values = tensor.integers()
    if values is None:
        raise UnclearError(f"its input {position} is computed, or no list of integers")
    return values


def _numbers(graph: Graph, op: Op, position: int) -> list[int]:
    return [int(n) for n in _constant(graph, op, position).ravel()]


def _reshape(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    return [taken[0].reshape(graph.tensors[op.outputs[0]].shape)]


def _transpose(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    return [taken[0].transpose(_numbers(graph, op, 1))]


def _reverse(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    return [np.flip(taken[0], _numbers(graph, op, 1))]


def _slice(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    begins, sizes = _numbers(graph, op, 1), _numbers(graph, op, 2)
    ends = [None if size < 0 else begin + size for begin, size in zip(begins, sizes, strict=True)]
    return [taken[0][tuple(slice(*pair) for pair in zip(begins, ends, strict=True))]]


def _strided_slice(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    o = op.options
    if not isinstance(o, StridedSliceOptions) or o.ellipsis_mask or o.new_axis_mask:
        raise UnclearError("it has an ellipsis or a new axis")
    bounds = zip(*(_numbers(graph, op, i) for i in (1, 2, 3)), strict=True)
    index: list[Any] = []
    for axis, (begin, end, stride) in enumerate(bounds):
        bit = 1 << axis
        if o.shrink_axis_mask & bit:
            index.append(begin)
            continue
        first, last = None if o.begin_mask & bit else begin, None if o.end_mask & bit else end
        index.append(slice(first, last, stride))
    return [taken[0][tuple(index)]]


def _split(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, SplitOptions):
        raise UnclearError("it has no options")
    return list(np.split(taken[1], op.options.num_splits, _numbers(graph, op, 0)[0]))


def _split_v(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    axis = _numbers(graph, op, 2)[0]
    lengths = [graph.tensors[i].shape[axis] for i in op.outputs]
    return list(np.split(taken[0], np.cumsum(lengths)[:-1].tolist(), axis))


def _unpack(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, UnpackOptions):
        raise UnclearError("it has no options")
    return list(np.moveaxis(taken[0], op.options.axis, 0))


def _pack(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, PackOptions):
        raise UnclearError("it has no options")
    return [np.stack(taken, op.options.axis)]


def _concatenation(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, ConcatenationOptions) or op.options.activation != "NONE":
        raise UnclearError("it has a fused activation")
    return [np.concatenate(taken, op.options.axis)]


def _expect(graph: Graph, op: Op, sizes: Sequence[int]) -> None:
    """What an op would make by its constants has the size that the file states, before memory is taken for it."""
    if tuple(sizes) != graph.tensors[op.outputs[0]].shape:
        raise UnclearError(f"it would make {'x'.join(map(str, sizes))}")


def _tile(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    times = _numbers(graph, op, 1)
    _expect(graph, op, [n * many for n, many in zip(taken[0].shape, times, strict=True)])
    return [np.tile(taken[0], times)]


def _broadcast(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    return [np.broadcast_to(taken[0], graph.tensors[op.outputs[0]].shape)]


def _gather(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    options = op.options if isinstance(op.options, GatherOptions) else GatherOptions(0, 0)
    if options.batch_dims:
        raise UnclearError("it has batches")
    return [np.take(taken[0], _constant(graph, op, 1), options.axis)]


def _mirror_pad(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, MirrorPadOptions):
        raise UnclearError("it has no options")
    pads = [(int(before), int(behind)) for before, behind in _constant(graph, op, 1)]
    _expect(graph, op, [n + sum(both) for n, both in zip(taken[0].shape, pads, strict=True)])
    return [np.pad(taken[0], pads, "reflect" if op.options.mode == "REFLECT" else "symmetric")]


def _depth_to_space(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, DepthToSpaceOptions):
        raise UnclearError("it has no options")
    block = op.options.block_size
    n, height, width, channels = taken[0].shape
    blocks = taken[0].reshape(n, height, width, block, block, channels // block**2).transpose(0, 1, 3, 2, 4, 5)
    return [blocks.reshape(n, height * block, width * block, channels // block**2)]


def _space_to_depth(graph: Graph, op: Op, taken: Sequence[Places]) -> list[Places]:
    if not isinstance(op.options, SpaceToDepthOptions):
        raise UnclearError("it has no options")
    block = op.options.block_size
    n, height, width, channels = taken[0].shape
    blocks = taken[0].reshape(n, height // block, block, width // block, block, channels).transpose(0, 1, 3, 2, 4, 5)
    return [blocks.reshape(n, height // block, width // block, channels * block**2)]


MOVERS: dict[str, Mover] = {
    "BROADCAST_TO": _broadcast,
    "CONCATENATION": _concatenation,
    "DEPTH_TO_SPACE": _depth_to_space,
    "EXPAND_DIMS": _reshape,
    "GATHER": _gather,
    "MIRROR_PAD": _mirror_pad,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "REVERSE_V2": _reverse,
    "SLICE": _slice,
    "SPACE_TO_DEPTH": _space_to_depth,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
"""By op kind: what becomes of the places of its inputs, for each output."""
