"""Int8 .tflite nets made op by op, without TensorFlow: any shape, any quantization, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeblur.export.options import Conv2DOptions, Options
from edgeblur.export.tflite import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite_writer import write_tflite


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

    def constant(self, values: Any, scales: Any = (), axis: int = 0, zero_points: Any = None) -> int:
        """A constant tensor; several scales are one for each index of `axis`."""
        values = np.asarray(values)
        zero_points = [0] * len(scales) if zero_points is None else zero_points
        return self._tensor(values.shape, values.dtype.name, scales, zero_points, axis, values.tobytes())

    def op(self, kind: str, inputs: Any, output: int, options: Options | None = None, version: int = 1) -> int:
        """Add an op of one output; returns that."""
        self.ops.append(Op(len(self.ops), kind, version, tuple(inputs), (output,), options))
        return output

    def shape(self, index: int) -> tuple[int, ...]:
        return self.tensors[index].shape

    def conv(
        self, source: int, channels: int, kernel: tuple[int, int] = (3, 3), *, stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1), padding: str = "SAME", activation: str = "RELU",
        scale: float = 0.05, zero_point: int = -128, bias: bool = True,
    ) -> int:  # fmt: skip
        """A CONV_2D of random weights, one scale a channel."""
        _, height, width, inputs = self.shape(source)
        weights = self.random.integers(-127, 128, (channels, *kernel, inputs)).astype(np.int8)
        scales = self.random.uniform(0.5, 2, channels) / (127 * np.sqrt(weights[0].size))
        given = [
            -(-n // s) if padding == "SAME" else -(-(n - (k - 1) * d) // s)
            for n, k, s, d in zip((height, width), kernel, stride, dilation, strict=True)
        ]
        sums = np.float32(self.tensors[source].scales[0]) * scales.astype(np.float32)
        numbers = self.random.integers(-2000, 2000, channels).astype(np.int32)
        biases = self.constant(numbers, sums) if bias else ABSENT
        taken = (source, self.constant(weights, scales), biases)
        options = Conv2DOptions(padding, stride[0], stride[1], dilation[0], dilation[1], activation)
        return self.op("CONV_2D", taken, self.plane((1, *given, channels), scale, zero_point), options, version=3)

    def graph(self, output: int, name: str = "net") -> Graph:
        return Graph(name, "0" * 64, 0, tuple(self.tensors), tuple(self.ops), tuple(self.inputs), (output,))

    def tflite(self, output: int) -> bytes:
        """The file, with `output` as the net's output."""
        return write_tflite(self.graph(output))


def picture_bytes(net: Int8Net, seed: int = 0) -> Any:
    """A random int8 picture for a net's input."""
    random = np.random.default_rng(seed)
    return random.integers(-128, 128, net.shape(net.inputs[0])).astype(np.int8)
