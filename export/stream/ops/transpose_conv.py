"""TRANSPOSE_CONV: any kernel size, stride and padding."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder, told_shape
from edgeblur.export.stream.net.fixed_point import padding_before
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.conv_2d import arrange, column_numbers, is_tame, strip_bytes, strip_pixels
from edgeblur.export.stream.ops.conv_2d_work import conv_2d_helium_work, conv_2d_work
from edgeblur.export.stream.ops.geometry import output_size, windowed_columns
from edgeblur.export.stream.ops.weights import Requantization, check_sum, read_bias, read_weights, requantization
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import TransposeConvOptions


@dataclass(frozen=True, eq=False)
class Transposing(Operation):
    """A transposed convolution, turned round: each output row gathers from the input rows that reach it.

    Attributes:
        weights: `[out, kernel height, kernel width, in]` int8.
        options: as in the .tflite.
    """

    label = "TRANSPOSE_CONV"
    weights: NDArray[np.int8]
    options: TransposeConvOptions

    def pads(self, output: Plane) -> tuple[int, int]:
        """Padding on top and at the left, of the convolution that this one transposes: it goes from output to input."""
        o, sizes = self.options, (output.height, output.width)
        kernels, strides = self.weights.shape[1:3], (o.stride_h, o.stride_w)
        top, left = (
            padding_before(o.padding, size, -(-size // stride), kernel, stride)
            for size, kernel, stride in zip(sizes, kernels, strides, strict=True)
        )
        return top, left

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        """Input row i reaches output rows `i * stride - pad + (0 .. kernel - 1)`."""
        stride, pad, kernel_h = self.options.stride_h, self.pads(output)[0], self.weights.shape[1]
        firsts = tuple((y + pad - kernel_h) // stride + 1 for y in range(output.height))
        return [Window(firsts, 1, -(-kernel_h // stride))]

    def window_fields(self, output: Plane) -> Mapping[str, Field]:
        """Members of the kernel's struct that say where it looks."""
        pad_top, pad_left = self.pads(output)
        return {
            "kernel_h": self.weights.shape[1],
            "kernel_w": self.weights.shape[2],
            "stride_h": self.options.stride_h,
            "stride_w": self.options.stride_w,
            "pad_top": pad_top,
            "pad_left": pad_left,
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        return Columns({"pad_left": self.pads(output)[1] + first, "out_width": end - first}, (0,))

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        # As in papers and in `export.cost`: each input number is spread over a whole window. A row's share of them.
        return inputs[0].height * inputs[0].width * self.weights.size // output.height

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return _gathered_work(Layer(self, tuple(inputs), output))


def _gathered_work(layer: Layer) -> Work:
    """Each output number gathers from the pixels whose windows reach it."""
    taken, given = layer.inputs[0], layer.output
    rows = _reached(taken.height, given.height, *map(layer.number, ("kernel_h", "stride_h", "pad_top")))
    columns = _reached(taken.width, given.width, *map(layer.number, ("kernel_w", "stride_w", "pad_left")))
    return {
        "rows": given.height,
        "pixels": layer.pixels,
        "elements": layer.elements,
        "lines": rows * given.width * given.channels,
        "taps": rows * columns * given.channels,
        "products": rows * columns * given.channels * taken.channels,
    }


def _reached(taken: int, given: int, kernel: int, stride: int, pad: int) -> int:
    """Along an axis, the input's places whose windows reach an output's place, over all of those."""
    firsts = (max((at + pad - kernel) // stride + 1, 0) for at in range(given))
    lasts = (min((at + pad) // stride, taken - 1) for at in range(given))
    return sum(max(0, last - first + 1) for first, last in zip(firsts, lasts, strict=True))


@dataclass(frozen=True, eq=False)
class TiledTransposing(Transposing):
    """A transposed convolution whose windows lie side by side (stride = kernel, as U-Nets have it).

    Each output pixel comes from one input pixel. So each output row is a 1x1 convolution of an input row, with the
    weights of that window row, and the window's columns are so many more channels.
    """

    def phases(self) -> NDArray[np.int8]:
        """Weights as `[kernel height, kernel width * out, 1, 1, in]`: for each window row a 1x1 convolution."""
        out, kernel_h, kernel_w, in_channels = self.weights.shape
        return self.weights.transpose(1, 2, 0, 3).reshape(kernel_h, kernel_w * out, 1, 1, in_channels)

    def window_fields(self, output: Plane) -> Mapping[str, Field]:
        return {"kernel_h": 1, "kernel_w": 1, "stride": 1, "dilation": 1, "pad_left": 0}

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        apart = self.options.stride_w  # the kernel's columns are those of the input
        if first % apart or end % apart:
            return None
        return windowed_columns(self.fields(inputs, output), inputs, first // apart, end // apart, 1)

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        phase = self.phases()[0]
        return strip_bytes(phase, 1, 1, strip_pixels(phase, 1, 1))


@dataclass(frozen=True, eq=False)
class TransposeConv(Transposing):
    """A transposed convolution of 8-bit planes.

    Attributes:
        bias: `[out]` int32.
        requantization: from sums to output steps.
    """

    kernel = "transpose_conv"
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
            "out_channels": output.channels,
            **self.window_fields(output),
        }


@dataclass(frozen=True, eq=False)
class TiledTransposeConv(TiledTransposing, TransposeConv):
    """One whose windows lie side by side."""

    kernel = "conv_2d"

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        pieces, wide, narrow = self.phases(), self.requantization, inputs[0]
        kernel_w = self.options.stride_w
        sums = pieces.reshape(*pieces.shape[:2], -1).sum(axis=2, dtype=np.int64)
        bias = (np.tile(self.bias.astype(np.int64), kernel_w) - narrow.zero_point * sums).astype(np.int32)
        repeated = dataclasses.replace(
            wide, multiplier=np.tile(wide.multiplier, kernel_w), shift=np.tile(wide.shift, kernel_w)
        )
        return {
            "weights": Array("weights", np.stack([arrange(phase) for phase in pieces])),
            "bias": Array("bias", bias),
            **repeated.fields(),
            "part_channels": Array("parts", np.array([narrow.channels], np.int16)),
            "parts": 1,
            "in_width": narrow.width,
            "in_channels": narrow.channels,
            "in_zero_point": narrow.zero_point,
            "out_width": narrow.width,
            "out_channels": kernel_w * output.channels,
            **self.window_fields(output),
            "column_bytes": column_numbers(pieces[0]),
            "phases": len(pieces),
            "tame": int(all(is_tame(p, b, repeated) for p, b in zip(pieces, bias, strict=True))),
            "whole_words": int(narrow.channels % 4 == 0),
            "strip": strip_pixels(pieces[0], 1, 1),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        return conv_2d_helium_work(layer) if helium else conv_2d_work(layer)


def tiles(options: TransposeConvOptions, weights: NDArray[np.int8], taken: Plane, given: Plane) -> bool:
    """Whether each output pixel comes from exactly one input pixel."""
    strides = (options.stride_h, options.stride_w)
    sizes = (taken.height * strides[0], taken.width * strides[1])
    return weights.shape[1:3] == strides and (given.height, given.width) == sizes


def check_size(builder: Builder, op: Op, taken: Plane, given: Plane, weights: NDArray[np.int8]) -> None:
    """Make sure that the convolution which this op transposes would make the input's size of the output's."""
    if weights.shape[3] != taken.channels:
        told = f"its weights take {weights.shape[3]} channels, its input has {taken.channels}"
        raise builder.refuse(op, told, "convert the model anew")
    builder.expect_output(op, given.height, given.width, len(weights))
    if (told_size := builder.sizes(op, 0)) not in (None, (1, given.height, given.width, given.channels)):
        told = f"its first input says that its output is {told_shape(told_size or ())}"
        raise builder.refuse(op, told, "convert the model anew")
    options = builder.options(op, TransposeConvOptions)
    size = output_size(builder, op, (given.height, given.width), (weights.shape[1], weights.shape[2]), options)
    if size != (taken.height, taken.width):
        told = f"an output of {given.height}x{given.width} needs an input of {size[0]}x{size[1]}"
        raise builder.refuse(op, f"{told}, and its input is {taken.height}x{taken.width}", "convert the model anew")


def lower(builder: Builder, op: Op) -> None:
    """Add a TRANSPOSE_CONV; its first input is the output's shape."""
    options, weights = builder.options(op, TransposeConvOptions), read_weights(builder, op)
    source = builder.source(op, 2)
    taken, given = builder.plane(op, op.inputs[2]), builder.plane(op, op.outputs[0])
    check_size(builder, op, taken, given, weights)
    bias = read_bias(builder, op, 3, len(weights))
    scales = requantization(builder, op, taken, given, options.activation)
    products = weights.reshape(len(weights), -1)
    folded = np.abs(bias.astype(np.int64)) + 128 * np.abs(products.astype(np.int64)).sum(axis=1)
    check_sum(builder, op, folded, products, scales)
    kind = TiledTransposeConv if tiles(options, weights, taken, given) else TransposeConv
    builder.add(op, kind(weights, options, bias, scales), (source,))
