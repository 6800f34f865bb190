"""DEPTHWISE_CONV_2D: any kernel size, depth multiplier, stride, dilation, padding and fused activation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder, told_shape
from edgeblur.export.stream.net.layer import Layer, Work, ceil_div, windowed
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.conv_2d import is_tame
from edgeblur.export.stream.ops.convolution import Convolution
from edgeblur.export.stream.ops.geometry import output_size
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, read_weights, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import DepthwiseConv2DOptions

_TAME = 2**29
"""The zero point is taken off each number, so that one number is up to 255 and sums are up to twice as large."""


@dataclass(frozen=True, eq=False)
class DepthwiseConv2D(Convolution):
    """A convolution in which each output channel reads one input channel.

    Attributes:
        weights: `[1, kernel height, kernel width, out]`; input channel c makes the output channels
            c * multiplier + (0 .. multiplier - 1).
        bias: `[out]` int32.
        requantization: from sums to output steps.
    """

    kernel = "depthwise_conv_2d"
    label = "DEPTHWISE_CONV_2D"
    bias: NDArray[np.int32]
    requantization: Requantization

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "weights": Array("weights", self.weights),
            "bias": Array("bias", self.bias),
            **self.requantization.fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "in_zero_point": inputs[0].zero_point,
            "out_width": output.width,
            "depth_multiplier": output.channels // inputs[0].channels,
            **self.window_fields(inputs, output),
            "tame": int(self._tame()),
        }

    def _tame(self) -> bool:
        """Whether fast kernels are exact: in 16 bits they add up two products, not of -128, and all weights."""
        each = self.weights.reshape(-1, self.weights.shape[3]).T
        return bool(each.min() > -128) and each.shape[1] < 256 and is_tame(each, self.bias, self.requantization, _TAME)

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        """Of the weights of four channels, widened to 16 bits, or of eight, and of the rows' places."""
        _, kernel_h, kernel_w, channels = self.weights.shape
        return 8 * kernel_h * kernel_w + 4 * kernel_h if channels == inputs[0].channels >= 4 else 0

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        alone = layer.number("depth_multiplier") == 1
        if (not helium or not alone) and self.weights.shape[1:3] == (3, 3) and layer.number("dilation") == 1:
            return _columns_work(layer)
        if not alone:
            return {**windowed(layer), "divisions": layer.elements}
        return _helium_work(layer) if helium else _work(layer)


def _inside(layer: Layer) -> int:
    """Pixels of a row whose window has no column of padding."""
    reach = (layer.number("kernel_w") - 1) * layer.number("dilation")
    lefts = (x * layer.number("stride") - layer.number("pad_left") for x in range(layer.output.width))
    return sum(left >= 0 and left + reach < layer.inputs[0].width for left in lefts)


def _whole_rows(layer: Layer) -> int:
    """Output rows whose window has no row of padding."""
    (window,) = layer.operation.windows(layer.inputs, layer.output)
    rows = (window.rows(y, layer.inputs[0].height) for y in range(layer.output.height))
    return sum(len(each) == layer.number("kernel_h") for each in rows)


def _taps(layer: Layer) -> int:
    return layer.number("kernel_h") * layer.number("kernel_w")


def _columns_work(layer: Layer) -> Work:
    """Channels one after the other, each made ready for a row; columns that end a number, and those in between."""
    return {
        "channel_rows": layer.output.height * layer.output.channels,
        "column_elements": layer.elements,
        "columns_between": layer.elements * (layer.number("stride") - 1),
    }


def _work(layer: Layer) -> Work:
    """Words of four channels, whose weights are made ready for each row, and channels that fill none, as the others.

    Pixels at the border look at each tap before they take it; those inside do not.
    """
    words, rest = divmod(layer.output.channels, 4)
    inside, taps = _whole_rows(layer) * _inside(layer) * words, _taps(layer)
    border = layer.pixels * words - inside
    each, whole = windowed(layer), ("rows", "pixels")
    return {
        "words": layer.pixels * words,
        "word_border_lines": border * layer.number("kernel_h"),
        "word_border_taps": border * taps,
        "word_inside_taps": inside * taps,
        "word_rows": layer.output.height * words,
        "word_row_taps": layer.output.height * words * taps,
        **{unit: amount * rest / layer.output.channels for unit, amount in each.items() if unit not in whole},
        **{unit: each[unit] for unit in whole},
    }


def _helium_work(layer: Layer) -> Work:
    """Blocks of eight channels, whose weights are made ready for each row: of two pixels inside, or of a single one."""
    channels, taps = layer.output.channels, _taps(layer)
    blocks = ceil_div(channels, 8)
    pairs = layer.output.height * (_inside(layer) // 2) * blocks if channels >= 8 else 0
    singles = layer.pixels * blocks - 2 * pairs
    near = layer.number("kernel_w") == 3 and layer.number("dilation") * layer.output.channels < 64
    lines = pairs * layer.number("kernel_h")
    return {
        "rows": layer.output.height * blocks,
        "row_taps": layer.output.height * blocks * taps,
        "pairs": pairs,
        **({"near_lines": lines} if near else {"pair_lines": lines, "pair_taps": pairs * taps}),
        "singles": singles,
        "single_taps": singles * taps,
    }


def read_depthwise(builder: Builder, op: Op) -> tuple[DepthwiseConv2DOptions, NDArray[np.int8], Plane, Plane]:
    """Options, weights, input and output of a DEPTHWISE_CONV_2D whose sizes go together.

    Raises:
        UserError: they do not.
    """
    options, weights = builder.options(op, DepthwiseConv2DOptions), read_weights(builder, op)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    single, *kernel, channels = weights.shape
    if single != 1 or channels % taken.channels:  # as LiteRT does, go by the weights: options.depth_multiplier may be 0
        told = f"its weights are {told_shape(weights.shape)}, its input has {taken.channels} channels"
        raise builder.refuse(op, told, "convert the model anew")
    size = output_size(builder, op, (taken.height, taken.width), (kernel[0], kernel[1]), options)
    builder.expect_output(op, *size, channels)
    return options, weights, taken, given


def lower(builder: Builder, op: Op) -> None:
    """Add a DEPTHWISE_CONV_2D."""
    source = builder.source(op, 0)
    options, weights, taken, given = read_depthwise(builder, op)
    channels = given.channels
    bias = read_bias(builder, op, 2, channels)
    scales = requantization(builder, op, taken, given, options.activation, axis=3)
    check_sum(builder, op, bias.astype(np.int64), weights.reshape(-1, channels).T, scales)
    builder.add(op, DepthwiseConv2D(weights, options, bias, scales), (source,))
