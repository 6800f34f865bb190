"""SPACE_TO_BATCH_ND, a convolution, BATCH_TO_SPACE_ND: TensorFlow's old way to write a dilated convolution."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeblur.export.stream.net.fixed_point import padding_before, windows_along
from edgeblur.export.stream.passes.draft import Draft
from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.options import Conv2DOptions, DepthwiseConv2DOptions

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")

_Options = Conv2DOptions | DepthwiseConv2DOptions


@dataclasses.dataclass(frozen=True)
class _Sandwich:
    """The three ops, and what they do to each axis: dilation, padding in front and behind, and the crops."""

    before: Op
    conv: Op
    after: Op
    options: _Options
    blocks: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    crops: tuple[tuple[int, int], ...]


def fold_batches(graph: Graph) -> Graph:
    """Write each such triple as one dilated convolution, behind a PAD and before a SLICE where it takes them."""
    found = {s.after.index: s for s in filter(None, (_sandwich(graph, op) for op in graph.ops))}
    if not found:
        return graph
    draft = Draft(graph)
    for op in graph.ops:
        if op.index in found:
            _write(draft, graph, found[op.index])
        else:
            draft.keep(op)
    return draft.graph()


def _sandwich(graph: Graph, after: Op) -> _Sandwich | None:
    if after.kind != "BATCH_TO_SPACE_ND":
        return None
    conv = graph.producers.get(after.inputs[0])
    before = graph.producers.get(conv.inputs[0]) if conv and conv.kind in _CONVOLUTIONS else None
    if conv is None or before is None or before.kind != "SPACE_TO_BATCH_ND":
        return None
    constants = [graph.tensors[i] for i in (before.inputs[1], before.inputs[2], after.inputs[1], after.inputs[2])]
    options = conv.options
    numbers = [values.tolist() for c in constants if (values := c.integers()) is not None]
    if len(numbers) < len(constants) or not isinstance(options, Conv2DOptions | DepthwiseConv2DOptions):
        return None
    blocks, pads, blocks_after, crops = numbers
    plain = (options.stride_h, options.stride_w, options.dilation_h, options.dilation_w) == (1, 1, 1, 1)
    if blocks != blocks_after or len(blocks) != 2 or not plain:
        return None
    return _Sandwich(before, conv, after, options, tuple(blocks), tuple(map(tuple, pads)), tuple(map(tuple, crops)))


def _write(draft: Draft, graph: Graph, s: _Sandwich) -> None:
    taken, weights = graph.tensors[s.before.inputs[0]], graph.tensors[s.conv.inputs[1]]
    given = graph.tensors[s.after.outputs[0]]
    kernel = weights.shape[1:3]
    inner = graph.tensors[s.conv.inputs[0]].shape[1:3]
    pads = []
    for axis in range(2):
        own = (0, 0)
        if s.options.padding == "SAME":
            first = padding_before("SAME", inner[axis], inner[axis], kernel[axis], 1)
            own = (first, max(kernel[axis] - 1, 0) - first)
        block, (front, behind) = s.blocks[axis], s.pads[axis]
        pads.append((front + own[0] * block, behind + own[1] * block))
    options = dataclasses.replace(s.options, dilation_h=s.blocks[0], dilation_w=s.blocks[1], padding="VALID")
    source = taken.index
    if _is_same(taken, kernel, s, pads) and given.shape[1:3] == taken.shape[1:3]:
        options = dataclasses.replace(options, padding="SAME")
    elif any(map(any, pads)):
        source = _padded(draft, s.before, taken, pads)
    sizes = [
        windows_along(options.padding, draft.tensors[source].shape[1 + axis], kernel[axis], 1, s.blocks[axis])
        for axis in range(2)
    ]
    target = given.index
    if tuple(sizes) != given.shape[1:3]:
        target = draft.like(given, (1, *sizes, given.shape[3]))
    draft.op(s.conv, s.conv.kind, (source, *s.conv.inputs[1:]), (target,), options)
    if target != given.index:
        begin = draft.constant(np.array([0, s.crops[0][0], s.crops[1][0], 0], np.int32))
        draft.op(s.after, "SLICE", (target, begin, draft.constant(np.array(given.shape, np.int32))), (given.index,))


def _is_same(taken: Tensor, kernel: tuple[int, ...], s: _Sandwich, pads: list[tuple[int, int]]) -> bool:
    """Whether the paddings are those of a dilated convolution with padding SAME, and nothing is cropped."""
    if any(map(any, s.crops)):
        return False
    for axis in range(2):
        size, block = taken.shape[1 + axis], s.blocks[axis]
        first = padding_before("SAME", size, size, kernel[axis], 1, block)
        if pads[axis] != (first, (kernel[axis] - 1) * block - first):
            return False
    return True


def _padded(draft: Draft, op: Op, taken: Tensor, pads: list[tuple[int, int]]) -> int:
    sizes = [n + sum(pad) for n, pad in zip(taken.shape[1:3], pads, strict=True)]
    padded = draft.like(taken, (1, *sizes, taken.shape[3]))
    table = draft.constant(np.array([(0, 0), *pads, (0, 0)], np.int32))
    draft.op(op, "PAD", (taken.index, table), (padded,))
    return padded
