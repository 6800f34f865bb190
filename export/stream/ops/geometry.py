"""What ops that move a window over a plane share: how large their output is, which rows and columns they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgeblur.export.stream.net.builder import LONGEST_SIDE, Builder
from edgeblur.export.stream.net.fixed_point import padding_before, windows_along
from edgeblur.export.stream.net.net import Columns, Field, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import Conv2DOptions, DepthwiseConv2DOptions, Pool2DOptions, TransposeConvOptions

WindowOptions = Conv2DOptions | DepthwiseConv2DOptions | Pool2DOptions | TransposeConvOptions

Pair = tuple[int, int]
"""Of height and width."""


def _axes(size: Pair, kernel: Pair, options: WindowOptions) -> Iterator[tuple[int, int, int, int]]:
    """Size, kernel, stride and dilation of each axis."""
    dilations = (1, 1)
    if isinstance(options, Conv2DOptions | DepthwiseConv2DOptions):
        dilations = (options.dilation_h, options.dilation_w)
    return zip(size, kernel, (options.stride_h, options.stride_w), dilations, strict=True)


def row_window(source: Plane, output: Plane, kernel_h: int, options: Conv2DOptions | DepthwiseConv2DOptions) -> Window:
    """The rows of a plane that each output row of a convolution reads."""
    pad = padding_before(
        options.padding, source.height, output.height, kernel_h, options.stride_h, options.dilation_h
    )  # fmt: skip
    firsts = tuple(y * options.stride_h - pad for y in range(output.height))
    return Window(firsts, options.dilation_h, kernel_h)


def output_size(builder: Builder, op: Op, size: Pair, kernel: Pair, options: WindowOptions) -> Pair:
    """Height and width of what a window makes of a plane.

    Args:
        builder: of the net.
        op: to name in a refusal.
        size: of the plane.
        kernel: of the window.
        options: padding, strides, dilations.

    Raises:
        UserError: the options are out of range, or not one window fits into the plane.
    """
    result = []
    for length, reach, stride, dilation in _axes(size, kernel, options):
        if min(reach, stride, dilation) < 1 or max((reach - 1) * dilation + 1, stride) > LONGEST_SIDE:
            told = f"its window has size {reach}, stride {stride} and dilation {dilation}"
            raise builder.refuse(op, told, f"each goes from 1, and a window up to {LONGEST_SIDE}")
        result.append(windows_along(options.padding, length, reach, stride, dilation))
    if min(result) < 1:
        raise builder.refuse(op, "its window is larger than its input", "make the picture larger or pad it")
    return result[0], result[1]


def windowed_columns(
    fields: Mapping[str, Field], inputs: Sequence[Plane], first: int, end: int, stride: int
) -> Columns | None:
    """Columns of a kernel that moves a window along rows, with `in_width`, `out_width` and `pad_left` in its struct.

    Args:
        fields: of its struct, for whole rows.
        inputs: planes, of one width.
        first, end: columns of the output, the latter one behind the last.
        stride: of the window, in columns of the inputs.
    """
    width, pad = fields["in_width"], fields["pad_left"]
    assert isinstance(width, int)
    assert isinstance(pad, int)
    if first == 0:
        return Columns({"out_width": end}, (0,) * len(inputs))
    skipped = first * stride - pad
    if skipped < 0:  # its window hangs over the left border still
        return None
    changed = {"in_width": width - skipped, "pad_left": 0, "out_width": end - first}
    return Columns(changed, tuple(skipped * plane.channels for plane in inputs))
