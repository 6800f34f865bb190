"""Random int8 nets that LiteRT accepts: one seed, one net. `python tests/helpers/random_nets.py SEED` prints it.

Each net is a graph of a few ops on small pictures, with branches, joins, skips, odd sizes, and quantization from
harmless to extreme. 256 sample values travel along with every tensor, as real numbers, so that each op's output scale
suits what it will get: most outputs vary, some saturate. The ops are in random_ops.py.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from int8_nets import Int8Net
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import ABSENT, Graph
from edgeblur.export.tflite.options import ArgMaxOptions, ArgMinOptions

Samples = NDArray[np.float64]
Quantization = tuple[float, int]
"""Scale and zero point."""


@dataclass
class Grower:
    """A net that grows op by op.

    Attributes:
        net: so far.
        planes: tensors that an op may read, oldest first.
        samples: by tensor, what its real values are like.
    """

    net: Int8Net
    planes: list[int] = field(default_factory=list)
    samples: dict[int, Samples] = field(default_factory=dict)

    # Chance

    @property
    def random(self) -> np.random.Generator:
        return self.net.random

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def few(self, most: int) -> int:
        """1 to `most`, small numbers more often."""
        return min(most, int(self.random.geometric(0.4)))

    def recent(self) -> int:
        """A plane to read: mostly one of the last, sometimes any."""
        if self.chance(0.15):
            return int(self.one_of(self.planes))
        return self.planes[-min(len(self.planes), int(self.random.geometric(0.7)))]

    # Tensors

    def size(self, plane: int) -> tuple[int, int, int]:
        """Height, width, channels."""
        _, height, width, channels = self.net.shape(plane)
        return height, width, channels

    def quantization(self, plane: int) -> Quantization:
        tensor = self.net.tensors[plane]
        return tensor.scales[0], tensor.zero_points[0]

    def suitable(self, samples: Samples) -> Quantization:
        """A quantization for such values: mostly fitting, sometimes far too fine or too coarse."""
        steps = np.exp(self.random.uniform(np.log(20), np.log(130)))  # a standard deviation
        if self.chance(0.03):
            steps *= 10 ** self.random.uniform(-2, 4)
        scale = float(np.clip((samples.std() or 1.0) / steps, 1e-8, 1e4))  # 6.0 must be fewer than 2**31 steps
        fitting = int(np.clip(np.rint(-samples.mean() / scale), -128, 127))
        anything = int(self.random.integers(-128, 128))
        return scale, self.one_of([fitting] * 20 + [-128, 127, 0, anything])

    def plane(self, size: Sequence[int], samples: Samples, quantization: Quantization | None = None) -> int:
        """A tensor for such values, to be written by an op; `quantization` if the op demands it."""
        scale, zero_point = quantization or self.suitable(samples)
        index = self.net.plane((1, *size), scale, zero_point)
        scale = self.net.tensors[index].scales[0]  # float32
        self.samples[index] = np.clip(samples, (-128 - zero_point) * scale, (127 - zero_point) * scale)
        return index

    def convolution(
        self, source: int, shape: Sequence[int], channels: int, products: int, *, axis: int = 0, spread: float = 0
    ) -> tuple[int, int, Samples]:
        """Weights and biases for sums of so many products, and what the sums are like.

        The weights have one scale for all channels or one each, over up to five orders of magnitude. Biases are about
        as large as the sums, now and then as large as 32 bits allow. `spread` is the standard deviation that the sums
        should have; by default any from 0.1 to 10.
        """
        largest = self.one_of([127, 127, 127, 20, 2])
        weights = self.random.integers(-largest, largest + 1, shape).astype(np.int8)
        width = np.sqrt(products * (self.samples[source] ** 2).mean()) * max(float(weights.std()), 0.5) or 1.0
        spread = spread or 10 ** self.random.uniform(-1, 1)
        orders = self.one_of([0, 0.3, 0.3, 1, 2.5])
        scales = 10 ** self.random.uniform(-orders, orders, channels) * spread / width
        scales = scales[:1] if self.chance(0.15) else scales
        step = self.quantization(source)[0]
        most = 2**31 - 1 - 2 * 2**15 * products if self.chance(0.03) else int(1.5 * width / step)
        biases = self.random.integers(-most, most + 1, channels).astype(np.int32)
        sums = self.random.normal(0, width, 256) + step * self.random.choice(biases, 256)
        return (
            self.net.constant(weights, scales, axis),
            self.net.constant(biases, np.float32(step) * scales.astype(np.float32)),
            sums * self.random.choice(scales, 256),
        )


@dataclass(frozen=True)
class RandomNet:
    """A net by its seed."""

    seed: int
    net: Int8Net
    outputs: tuple[int, ...]
    picture: int = 0

    @property
    def graph(self) -> Graph:
        return self.net.graph(*self.outputs, name=f"net{self.seed}")

    @property
    def tflite(self) -> bytes:
        return self.net.tflite(*self.outputs)

    def pictures(self, count: int) -> list[NDArray[Any]]:
        """Inputs: noise, then black and white, then a ramp, and so on."""
        tensor = self.net.tensors[self.picture]
        random = np.random.default_rng(self.seed)
        noise = random.integers(-128, 128, (count, *tensor.shape)).astype(np.int8)
        result = [noise, np.where(noise < 0, -128, 127), np.sort(noise.reshape(count, -1)).reshape(noise.shape)]
        return [result[i % 3][i].astype(np.int8).view(tensor.dtype) for i in range(count)]

    def __str__(self) -> str:
        lines = [f"seed {self.seed}, outputs {', '.join(f't{output}' for output in self.outputs)}"]
        for op in self.net.ops:
            read = ", ".join(_tensor(self.net, i) for i in op.inputs if i != ABSENT)
            lines.append(f"  {_tensor(self.net, op.outputs[0])} = {op.kind}({read}) {op.options or ''}")
        return "\n".join(lines)


def _tensor(net: Int8Net, index: int) -> str:
    tensor = net.tensors[index]
    what = "x".join(map(str, tensor.shape))
    if tensor.data is not None:
        return what if tensor.elements > 8 else str(tensor.array().tolist())
    dtype = "" if tensor.dtype == "int8" else f" {tensor.dtype}"
    scale = f" {tensor.scales[0]:.3g} {tensor.zero_points[0]:+d}" if tensor.scales else ""
    return f"t{index}[{what}{dtype}{scale}]"


def _picture(g: Grower) -> None:
    """The picture that comes in: any size, some too narrow for anything, some uint8."""
    height, width = (int(g.random.integers(1, 25)) for _ in range(2))
    scale, zero_point = g.one_of([(1 / 255, -128)] * 4 + [(1 / 127.5, 0), (1.0, -128), (0.02, 5), (0.003, 127)])
    picture = g.net.picture(height, width, g.one_of([3, 3, 1]), scale, zero_point)
    g.samples[picture] = (g.random.integers(-128, 128, 256) - zero_point) * scale
    g.planes.append(picture)
    if g.chance(0.1):
        tensor = dataclasses.replace(g.net.tensors[picture], dtype="uint8", zero_points=(zero_point + 128,))
        g.net.tensors[picture] = tensor
        size, samples = g.size(picture), g.samples[picture]
        g.planes[:] = [g.net.op("QUANTIZE", (picture,), g.plane(size, samples))]


def _uint8(g: Grower, source: int) -> int:
    """A plane as uint8, which only the output may be."""
    scale, zero_point = g.suitable(g.samples[source])
    given = g.net.plane(g.net.shape(source), scale, zero_point + 128, "uint8")
    return g.net.op("QUANTIZE", (source,), given)


def random_net(seed: int) -> RandomNet:
    """The net of a seed; LiteRT's reference kernels accept all of them."""
    import random_more  # noqa: F401  it adds makers, and needs this module's classes
    from random_ops import grow

    g = Grower(Int8Net(seed))
    _picture(g)
    wanted = int(g.random.integers(1, 13))
    while len(g.net.ops) < wanted:
        grow(g)
    written = g.planes[1:] or g.planes
    output = written[-1] if g.chance(0.85) else int(g.one_of(written))
    outputs = (_uint8(g, output) if g.chance(0.1) else output,)
    picture = g.net.inputs[0]
    floats = outputs[0] != picture and g.chance(0.15)
    if outputs[0] != picture and g.chance(0.2):  # any plane may go out, also one that is read, or went out before
        outputs += tuple(int(g.one_of(written)) for _ in range(g.few(3)))
    if floats:
        outputs = _float_ends(g.net, outputs)
    elif outputs[0] != picture and g.chance(0.1):
        outputs = _channels_first(g.net, outputs)
    if len(outputs) > 1 and g.chance(0.3):
        outputs += (_counts(g),)
    return RandomNet(seed, g.net, outputs, picture)


def _channels_first(net: Int8Net, outputs: Sequence[int]) -> tuple[int, ...]:
    """Channels first at all ends, as PyTorch has them; the engines are compared between."""
    (picture,) = net.inputs
    net.inputs = [_turned(net, picture, (0, 3, 1, 2))]
    net.op("TRANSPOSE", (net.inputs[0], net.constant(np.array((0, 2, 3, 1), np.int32))), picture, None, 2)
    net.ops.insert(0, net.ops.pop())
    given = {output: _turned(net, output, (0, 3, 1, 2)) for output in outputs}
    for output, target in given.items():
        net.op("TRANSPOSE", (output, net.constant(np.array((0, 3, 1, 2), np.int32))), target, None, 2)
    net.ops[:] = [dataclasses.replace(op, index=n) for n, op in enumerate(net.ops)]
    return tuple(given[output] for output in outputs)


def _turned(net: Int8Net, index: int, axes: Sequence[int]) -> int:
    """A tensor of the same quantization, for a transposition to write or to read."""
    tensor = net.tensors[index]
    return net.plane([tensor.shape[axis] for axis in axes], tensor.scales[0], tensor.zero_points[0], tensor.dtype)


def _counts(g: Grower) -> int:
    """The largest or smallest channel of each pixel, which no op reads."""
    source, kind = g.planes[-1], g.one_of(["ARG_MAX", "ARG_MIN"])
    dtype = g.one_of(["int32", "int64"])
    options = (ArgMaxOptions if kind == "ARG_MAX" else ArgMinOptions)(dtype.upper())
    axis = g.net.constant(np.array([3], np.int32))
    return g.net.op(kind, (source, axis), g.net.tensor(g.net.shape(source)[:3], dtype), options, 2)


def _float_ends(net: Int8Net, outputs: Sequence[int]) -> tuple[int, ...]:
    """Floats in and out, as converters leave them; the engines are compared inside."""
    (picture,) = net.inputs
    net.inputs = [net.tensor(net.shape(picture))]
    net.op("QUANTIZE", net.inputs, picture)
    net.ops.insert(0, net.ops.pop())
    given = {output: net.tensor(net.shape(output)) for output in outputs}
    for output, target in given.items():
        net.op("DEQUANTIZE", (output,), target, None, 2)
    net.ops[:] = [dataclasses.replace(op, index=n) for n, op in enumerate(net.ops)]
    return tuple(given[output] for output in outputs)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(random_net(int(argument)))
