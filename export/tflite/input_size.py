"""A fully convolutional net for pictures of another size: the same weights, other shapes.

Nothing is computed anew: each op's output gets the shape that its input and its options make, as they made the old one.
What depends on the old size (a fully connected layer, a reshape) is refused by its name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor, image_model, read_tflite
from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    DepthwiseConv2DOptions,
    Pool2DOptions,
    SpaceToDepthOptions,
    TransposeConvOptions,
)
from edgeblur.export.tflite.writer import write_tflite

Shape = tuple[int, ...]

_LARGEST = 4096
_LARGEST_MULTIPLE = 256
"""Pixels: a net that halves its picture more than eight times is none for small boards."""


class _NoSizeError(ValueError):
    """The net cannot take this size; the text says why, in half a sentence."""


def with_input_size(graph: Graph, width: int, height: int) -> Graph:
    """Rewrite a fully convolutional net for pictures of another size.

    Args:
        graph: float or int8, one picture in.
        width, height: of the new input, in pixels.

    Returns:
        The graph as `read_tflite` reads it from the rewritten file; `write_tflite` makes that file.

    Raises:
        UserError: an op depends on the old size, or the net halves the picture more often than this size allows; the
            nearest larger size that it can take is told.
    """
    end = image_model(graph, several=True).input
    if (end.width, end.height) == (width, height):
        return graph
    if not (0 < width <= _LARGEST and 0 < height <= _LARGEST):
        raise UserError(f"{width}x{height} is no size for a net's input: sides go from 1 to {_LARGEST}")
    try:
        return read_tflite(write_tflite(_resized(graph, width, height)), name=graph.name)
    except _NoSizeError as error:
        near = _nearest(graph, width, height)
        advice = f"the nearest size that it can take is {near[0]}x{near[1]}" if near else "give it its own size"
        raise UserError(f"{graph.name} cannot take pictures of {width}x{height}: {error}; {advice}") from error


_PLENTY = 256
"""Pixels of which a net leaves several cells, however often it halves."""


def input_multiple(graph: Graph) -> int:
    """The smallest number that both sides of a net's input must be multiples of, as trials tell.

    Raises:
        UserError: the net has no other size than its own.
    """
    end = image_model(graph, several=True).input
    multiple = 1
    while multiple <= _LARGEST_MULTIPLE:
        # Twice around: a size that happens to fit once proves little, and one of which a single cell is left nothing,
        # as that adds to planes of any size.
        odd = max(3, _PLENTY // multiple | 1)
        if all(_fits(graph, multiple * k, multiple * (k + 1)) for k in (odd, odd + 1)):
            return multiple
        multiple *= 2
    raise UserError(f"{graph.name} takes pictures of {end.width}x{end.height} only: it is not fully convolutional")


def _fits(graph: Graph, width: int, height: int) -> bool:
    try:
        _resized(graph, width, height)
    except _NoSizeError:
        return False
    return True


def _nearest(graph: Graph, width: int, height: int) -> tuple[int, int] | None:
    try:
        multiple = input_multiple(graph)
    except UserError:
        return None
    return -(-width // multiple) * multiple, -(-height // multiple) * multiple


def _resized(graph: Graph, width: int, height: int) -> Graph:
    """The graph with new shapes; its digest and size are still the old file's."""
    old = graph.tensors
    tensors = list(old)
    taken = old[graph.inputs[0]]
    _reshape(tensors, taken.index, (1, height, width, taken.shape[3]))
    for op in graph.ops:
        rule = _RULES.get(op.kind)
        if rule is None:
            raise _NoSizeError(f"op {op.index} ({op.kind}) depends on its size")
        shapes = rule(op, old, tensors)
        for index in op.outputs:
            _reshape(tensors, index, shapes)
        for index in op.inputs:
            if (constant := _size_constant(op, index, old, shapes)) is not None:
                tensors[index] = constant
    return dataclasses.replace(graph, tensors=tuple(tensors))


def _reshape(tensors: list[Tensor], index: int, shape: Shape) -> None:
    if min(shape) < 1:
        raise _NoSizeError(f"nothing is left of it at {tensors[index].name!r}")
    tensors[index] = dataclasses.replace(tensors[index], shape=shape, signature=shape)


def _size_constant(op: Op, index: int, old: tuple[Tensor, ...], shape: Shape) -> Tensor | None:
    """An input that tells the size of the output, with the new one; None for all other inputs."""
    at = {"RESIZE_BILINEAR": 1, "RESIZE_NEAREST_NEIGHBOR": 1, "TRANSPOSE_CONV": 0}.get(op.kind)
    if at is None or op.inputs[at] != index:
        return None
    constant = old[index]
    if constant.data is None:
        raise _NoSizeError(f"op {op.index} ({op.kind}) computes its size while it runs")
    told = shape if op.kind == "TRANSPOSE_CONV" else shape[1:3]
    values = np.array(told, np.dtype(constant.dtype).newbyteorder("<"))
    return dataclasses.replace(constant, data=values.tobytes())


Rule = Callable[[Op, tuple[Tensor, ...], list[Tensor]], Shape]
"""The shape of an op's outputs, from the old tensors and the new ones as far as they are known."""


def _windowed(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int:
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "SAME" else (size - reach) // stride + 1


def _conv(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options, kernel = op.options, old[op.inputs[1]].shape
    assert isinstance(options, Conv2DOptions | DepthwiseConv2DOptions)
    _, height, width, _ = new[op.inputs[0]].shape
    return (
        1,
        _windowed(height, kernel[1], options.stride_h, options.dilation_h, options.padding),
        _windowed(width, kernel[2], options.stride_w, options.dilation_w, options.padding),
        old[op.outputs[0]].shape[3],
    )


def _pool(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options = op.options
    assert isinstance(options, Pool2DOptions)
    _, tall, wide, _ = old[op.inputs[0]].shape
    if (options.filter_h, options.filter_w) == (tall, wide) and tall * wide > 1:
        raise _NoSizeError(f"op {op.index} ({op.kind}) takes the mean or maximum of the whole picture")
    _, height, width, channels = new[op.inputs[0]].shape
    return (
        1,
        _windowed(height, options.filter_h, options.stride_h, 1, options.padding),
        _windowed(width, options.filter_w, options.stride_w, 1, options.padding),
        channels,
    )


def _transpose_conv(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options, kernel = op.options, old[op.inputs[1]].shape
    assert isinstance(options, TransposeConvOptions)
    sizes = []
    for axis, stride in ((1, options.stride_h), (2, options.stride_w)):
        before, after = old[op.inputs[2]].shape[axis], old[op.outputs[0]].shape[axis]
        # Several output sizes belong to one input size; the new one keeps the old one's distance.
        sizes.append(new[op.inputs[2]].shape[axis] * stride + after - before * stride)
    return 1, *sizes, kernel[0]


def _resize(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    sizes = []
    for axis in (1, 2):
        factor = Fraction(old[op.outputs[0]].shape[axis], old[op.inputs[0]].shape[axis])
        size = new[op.inputs[0]].shape[axis] * factor
        if size.denominator != 1:
            raise _NoSizeError(f"op {op.index} ({op.kind}) enlarges {float(factor):g} times, and that is no whole row")
        sizes.append(int(size))
    return 1, *sizes, old[op.outputs[0]].shape[3]


def _elementwise(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    shapes = [new[i].shape for i in op.inputs if i != ABSENT]
    for index in op.inputs:
        constant = index != ABSENT and old[index].data is not None
        if constant and math.prod(old[index].shape[:-1]) > 1:
            raise _NoSizeError(f"op {op.index} ({op.kind}) has a constant for each pixel")
    try:
        shape: Shape = np.broadcast_shapes(*shapes)
        before = [old[i].shape for i in op.inputs if i != ABSENT]
        if not all(map(_broadcast_alike, before, shapes, [shape] * len(shapes))):
            raise ValueError  # one of them shrank to a single row or column by chance
    except ValueError as error:
        told = " and ".join("x".join(map(str, shape)) for shape in shapes)
        raise _NoSizeError(f"at op {op.index} ({op.kind}) planes of {told} meet") from error
    return shape


def _broadcast_alike(before: Shape, now: Shape, whole: Shape) -> bool:
    """Whether an input that is stretched along an axis was a single row or column already in the old net."""
    last = [each[::-1] for each in (before, now, whole)]
    return all(size == all_of_it or old == 1 for old, size, all_of_it in zip(*last, strict=False))


def _same(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    return new[op.inputs[0]].shape


def _concatenation(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options, shapes = op.options, [new[i].shape for i in op.inputs]
    assert isinstance(options, ConcatenationOptions)
    if options.axis % 4 != 3 or len({shape[:3] for shape in shapes}) > 1:
        told = " and ".join("x".join(map(str, shape)) for shape in shapes)
        raise _NoSizeError(f"at op {op.index} ({op.kind}) planes of {told} meet")
    return (*shapes[0][:3], sum(shape[3] for shape in shapes))


def _pad(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    pads = old[op.inputs[1]].integers()
    if pads is None or pads.size % 2:
        raise _NoSizeError(f"op {op.index} ({op.kind}) has no padding that is known beforehand")
    added = pads.reshape(-1, 2).sum(axis=1)
    return tuple(int(size + more) for size, more in zip(new[op.inputs[0]].shape, added, strict=True))


def _depth_to_space(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options, (_, height, width, channels) = op.options, new[op.inputs[0]].shape
    assert isinstance(options, DepthToSpaceOptions)
    block = options.block_size
    return 1, height * block, width * block, channels // block**2


def _space_to_depth(op: Op, old: tuple[Tensor, ...], new: list[Tensor]) -> Shape:
    options, (_, height, width, channels) = op.options, new[op.inputs[0]].shape
    assert isinstance(options, SpaceToDepthOptions)
    block = options.block_size
    if height % block or width % block:
        raise _NoSizeError(f"op {op.index} ({op.kind}) makes squares of {block} pixels of {width}x{height}")
    return 1, height // block, width // block, channels * block**2


_RULES: dict[str, Rule] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), _conv),
    **dict.fromkeys(("MAX_POOL_2D", "AVERAGE_POOL_2D"), _pool),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "PRELU"), _elementwise),
    **dict.fromkeys(
        ("LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "HARD_SWISH", "ELU", "ABS",
         "NEG", "EXP", "SQRT", "RSQRT", "QUANTIZE", "DEQUANTIZE", "GELU"), _same),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    "TRANSPOSE_CONV": _transpose_conv,
    "CONCATENATION": _concatenation,
    "DEPTH_TO_SPACE": _depth_to_space,
    "SPACE_TO_DEPTH": _space_to_depth,
}  # fmt: skip
