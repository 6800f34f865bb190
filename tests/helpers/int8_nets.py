"""Int8 .tflite nets made op by op, without TensorFlow: any shape, any quantization, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    Options,
    Pool2DOptions,
    TransposeConvOptions,
)
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.firmware_harness.engines.engines import open_engine


@dataclass
class Int8Net:
    """A .tflite in the making; tensors are named by their index.

    net = Int8Net(); x = net.picture(8, 8, 3); y = net.conv(x, weights, bias); data = net.tflite(y)
    """

    seed: int = 0
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def _tensor(self, shape: Any, dtype: str, scales: Any, zero_points: Any, axis: int, data: bytes | None) -> int:
        index, shape = len(self.tensors), tuple(int(n) for n in shape)
        scales = tuple(float(np.float32(s)) for s in scales)
        self.tensors.append(Tensor(index, f"t{index}", shape, shape, dtype, scales, tuple(zero_points), axis, data))
        return index

    def picture(
        self, height: int, width: int, channels: int = 3, scale: float = 1 / 255, zero_point: int = -128
    ) -> int:
        """The net's input."""
        self.inputs.append(self._tensor((1, height, width, channels), "int8", [scale], [zero_point], 0, None))
        return self.inputs[-1]

    def plane(self, shape: Any, scale: float, zero_point: int, dtype: str = "int8") -> int:
        """A tensor that an op will write, `[1, height, width, channels]`."""
        return self._tensor(shape, dtype, [scale], [zero_point], 0, None)

    def tensor(self, shape: Any, dtype: str = "float32") -> int:
        """A tensor without a scale that an op will write."""
        return self._tensor(shape, dtype, [], [], 0, None)

    def constant(self, values: Any, scales: Any = (), axis: int = 0, zero_points: Any = None) -> int:
        """A constant tensor; several scales are one for each index of `axis`."""
        values = np.asarray(values)
        zero_points = [0] * len(scales) if zero_points is None else zero_points
        return self._tensor(values.shape, values.dtype.name, scales, zero_points, axis, values.tobytes())

    def op(self, kind: str, inputs: Any, output: int, options: Options | None = None, version: int = 1) -> int:
        """Add an op of one output; returns that."""
        self.ops.append(Op(len(self.ops), kind, version, tuple(inputs), (output,), options))
        return output

    def ops_of(self, kind: str, inputs: Any, outputs: Any, options: Options | None = None, version: int = 1) -> Any:
        """Add an op of several outputs; returns those."""
        self.ops.append(Op(len(self.ops), kind, version, tuple(inputs), tuple(outputs), options))
        return outputs

    def shape(self, index: int) -> tuple[int, ...]:
        return self.tensors[index].shape

    def conv(
        self, source: int, channels: int, kernel: tuple[int, int] = (3, 3), *, stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1), padding: str = "SAME", activation: str = "RELU",
        scale: float = 0.05, zero_point: int = -128, bias: bool = True, gain: float = 1, largest: int = 127,
    ) -> int:  # fmt: skip
        """A CONV_2D of random weights, one scale a channel; a gain of 2 before a ReLU about keeps the numbers' size."""
        _, height, width, inputs = self.shape(source)
        weights = self.random.integers(-largest, largest + 1, (channels, *kernel, inputs)).astype(np.int8)
        scales = self.random.uniform(0.5, 2, channels) * gain / (largest * np.sqrt(weights[0].size))
        given = [
            -(-n // s) if padding == "SAME" else -(-(n - (k - 1) * d) // s)
            for n, k, s, d in zip((height, width), kernel, stride, dilation, strict=True)
        ]
        sums = np.float32(self.tensors[source].scales[0]) * scales.astype(np.float32)
        numbers = (self.random.integers(-2000, 2000, channels) * largest // 127).astype(np.int32)
        biases = self.constant(numbers, sums) if bias else ABSENT
        taken = (source, self.constant(weights, scales), biases)
        options = Conv2DOptions(padding, stride[0], stride[1], dilation[0], dilation[1], activation)
        return self.op("CONV_2D", taken, self.plane((1, *given, channels), scale, zero_point), options, version=3)

    def depthwise(
        self, source: int, multiplier: int = 1, kernel: tuple[int, int] = (3, 3), *, stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1), padding: str = "SAME", activation: str = "NONE",
        scale: float = 0.05, zero_point: int = 0, bias: bool = True, gain: float = 1, spread: float = 0.3,
        lowest: bool = False,
    ) -> int:  # fmt: skip
        """A DEPTHWISE_CONV_2D of random weights; its channels' scales spread over so many powers of ten both ways.

        lowest: all weights are -128, as some converters have them.
        """
        _, height, width, inputs = self.shape(source)
        channels = inputs * multiplier
        weights = self.random.integers(-127, 128, (1, *kernel, channels)).astype(np.int8)
        if lowest:
            weights[:] = -128
        scales = 10 ** self.random.uniform(-spread, spread, channels) * gain / (127 * np.sqrt(kernel[0] * kernel[1]))
        given = [
            -(-n // s) if padding == "SAME" else -(-(n - (k - 1) * d) // s)
            for n, k, s, d in zip((height, width), kernel, stride, dilation, strict=True)
        ]
        sums = np.float32(self.tensors[source].scales[0]) * scales.astype(np.float32)
        numbers = self.random.integers(-2000, 2000, channels).astype(np.int32)
        taken = (source, self.constant(weights, scales, 3), *([self.constant(numbers, sums)] if bias else []))
        options = DepthwiseConv2DOptions(padding, *stride, *dilation, multiplier, activation)
        return self.op("DEPTHWISE_CONV_2D", taken, self.plane((1, *given, channels), scale, zero_point), options, 3)

    def requantize(self, source: int, scale: float, zero_point: int, dtype: str = "int8") -> int:
        """A QUANTIZE to another scale, zero point or type."""
        return self.op("QUANTIZE", (source,), self.plane(self.shape(source), scale, zero_point, dtype), None, 2)

    def steps(self, *shape: int, scale: float = 0.01, zero_point: int = 0) -> int:
        """A constant of random int8 steps."""
        return self.constant(self.random.integers(-128, 128, shape).astype(np.int8), [scale], 0, [zero_point])

    def like(self, source: int, *shape: int) -> int:
        """A plane of a size, with another one's scale and zero point."""
        tensor = self.tensors[source]
        return self.plane((1, *shape), tensor.scales[0], tensor.zero_points[0])

    def max_pool(self, source: int, size: tuple[int, int] = (2, 2)) -> int:
        """A MAX_POOL_2D whose windows lie side by side."""
        _, height, width, channels = self.shape(source)
        taken, shape = self.tensors[source], (1, -(-height // size[0]), -(-width // size[1]), channels)
        options = Pool2DOptions("SAME", *size, *size, "NONE")
        plane = self.plane(shape, taken.scales[0], taken.zero_points[0])
        return self.op("MAX_POOL_2D", (source,), plane, options, version=2)

    def up_conv(
        self, source: int, channels: int, kernel: tuple[int, int] = (2, 2), *, stride: tuple[int, int] = (2, 2),
        scale: float = 0.05, zero_point: int = -128, gain: float = 1,
    ) -> int:  # fmt: skip
        """A TRANSPOSE_CONV, SAME, of random weights, to `stride` times the size."""
        _, height, width, inputs = self.shape(source)
        shape = (1, height * stride[0], width * stride[1], channels)
        weights = self.random.integers(-127, 128, (channels, *kernel, inputs)).astype(np.int8)
        scales = self.random.uniform(0.5, 2, channels) * gain / (127 * np.sqrt(inputs))
        sums = np.float32(self.tensors[source].scales[0]) * scales.astype(np.float32)
        bias = self.constant(self.random.integers(-2000, 2000, channels).astype(np.int32), sums)
        taken = (self.constant(np.array(shape, np.int32)), self.constant(weights, scales), source, bias)
        options = TransposeConvOptions("SAME", *stride, "NONE")
        return self.op("TRANSPOSE_CONV", taken, self.plane(shape, scale, zero_point), options, version=3)

    def join(self, *sources: int) -> int:
        """A CONCATENATION along the channels; all inputs must have one scale."""
        taken, channels = self.tensors[sources[0]], sum(self.shape(i)[3] for i in sources)
        plane = self.plane((*taken.shape[:3], channels), taken.scales[0], taken.zero_points[0])
        return self.op("CONCATENATION", sources, plane, ConcatenationOptions(3, "NONE"), version=2)

    def logistic(self, source: int) -> int:
        """A LOGISTIC, whose output's quantization TensorFlow Lite prescribes."""
        return self.op("LOGISTIC", (source,), self.plane(self.shape(source), 1 / 256, -128), version=2)

    def graph(self, *outputs: int, name: str = "net") -> Graph:
        return Graph(name, "0" * 64, 0, tuple(self.tensors), tuple(self.ops), tuple(self.inputs), outputs)

    def tflite(self, *outputs: int) -> bytes:
        """The file, with these tensors as the net's outputs."""
        return write_tflite(self.graph(*outputs))


def picture_bytes(net: Int8Net, seed: int = 0) -> Any:
    """A random picture for a net's input, int8 or uint8 as it takes."""
    random = np.random.default_rng(seed)
    steps = random.integers(-128, 128, net.shape(net.inputs[0])).astype(np.int8)
    return steps.view(net.tensors[net.inputs[0]].dtype)


def differing_bytes(net: Int8Net, output: int, pictures: int = 2, *, judge: str = "litert-ref", least: int = 9) -> int:
    """Output bytes in which the streaming engine and LiteRT's reference kernels, or another engine, differ.

    Raises:
        AssertionError: an output has fewer than `least` values, so that hardly anything would be compared.
    """
    data = net.tflite(output)
    reference, stream = open_engine(judge, data), open_engine("stream", data)
    taken = stream.model.input.tensor
    raws = [
        np.random.default_rng(seed).integers(-128, 128, taken.shape).astype(np.int8).view(taken.dtype)
        for seed in range(pictures)
    ]
    expected = [reference.run(raw) for raw in raws]
    assert np.unique(np.concatenate(expected)).size >= least
    return sum(int((stream.run(raw) != wanted).sum()) for raw, wanted in zip(raws, expected, strict=True))


def unet(
    net: Int8Net, width: int = 8, levels: int = 3, size: tuple[int, int] = (128, 128), *, skip_first: bool = False
) -> int:
    """The U-Net that edgeblur trains, with random weights: 3x3 conv pairs, 2x2 pools, 2x2 transposed convs.

    Args:
        net: to build it in.
        width: channels of the finest level; each level below has twice as many.
        levels: how many are above the bottom.
        size: height and width of the picture, multiples of `2**levels`.
        skip_first: join the skip before the upsampled plane; Keras' U-Nets join it behind.

    Returns:
        The output, `[1, *size, 3]`.
    """

    def pair(x: int, channels: int) -> int:
        return net.conv(net.conv(x, channels, scale=0.02, gain=2), channels, scale=0.02, gain=2)

    x, skips = net.picture(*size), []
    for level in range(levels):
        x = pair(x, width << level)
        skips.append(x)
        x = net.max_pool(x)
    x = pair(x, width << levels)
    for level in reversed(range(levels)):
        x, skip = net.up_conv(x, width << level, scale=0.02, gain=2), skips[level]
        x = pair(net.join(skip, x) if skip_first else net.join(x, skip), width << level)
    return net.logistic(net.conv(x, 3, (1, 1), activation="NONE", zero_point=0))
