"""CONV_2D by Winograd's F(2x2, 3x3): the same bytes from 2.25 times fewer products, with 3.6 times the weights.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015, section 4.1; with twice their G, so
that the transformed weights are integers and sums are four times what they should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.layer import Layer, Work, ceil_div
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.conv_2d import Conv2D, is_tame

_TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int64)

_ORDER = np.array([1, 2, 0, 3])
"""Of the transform's rows and columns, as the kernel meets them."""

ROOM_BYTES = 1024
"""Of scratch, if no other layer needs more."""

_SIGNS = np.array([1, 1, 1, -1])
"""The kernel adds what it meets last."""


@dataclass(frozen=True, eq=False)
class WinogradConv2D(Conv2D):
    """A 3x3 convolution of stride 1 that makes two rows at a time.

    Attributes:
        early: 1 if the first step makes the first row alone, else 0. What suits the layers around it saves memory.
        room_bytes: of scratch. Much of it saves transforming columns twice; little of it, and inputs are transformed
            anew for each few output channels.
    """

    kernel = "conv_2d_winograd"
    how = "winograd"
    step_rows: ClassVar[int] = 2
    early: int = 0
    room_bytes: int = ROOM_BYTES

    @property
    def early_rows(self) -> int:
        return self.early

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        channels, direct = [plane.channels for plane in inputs], super().fields(inputs, output)
        groups, blocks, by = sum(_fours(n) for n in channels), _fours(len(self.weights)), self.requantization
        strip, chunk = self._split(groups, blocks, output.width)
        return {
            "weights": Array("weights", transform(self.weights, channels)),
            "scaling": Array("scaling", np.stack([2 * self.bias, by.multiplier], axis=1)),
            "right": Array("right", -by.shift),
            "out_zero_point": by.zero_point,
            "least": by.least,
            "most": by.most,
            "part_channels": direct["part_channels"],
            "parts": direct["parts"],
            "in_width": direct["in_width"],
            "in_zero_point": direct["in_zero_point"],
            "out_width": direct["out_width"],
            "out_channels": direct["out_channels"],
            "pad_left": direct["pad_left"],
            "groups": groups,
            "blocks": blocks,
            "strip": strip,
            "chunk": chunk,
        }

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        groups, blocks = sum(_fours(plane.channels) for plane in inputs), _fours(len(self.weights))
        strip, chunk = self._split(groups, blocks, output.width)
        return strip * _pair_bytes(groups, chunk)

    def passes(self, inputs: Sequence[Plane], output: Plane) -> int:
        """How often inputs are transformed, for the room that there is."""
        groups, blocks = sum(_fours(plane.channels) for plane in inputs), _fours(len(self.weights))
        return -(-blocks // self._split(groups, blocks, output.width)[1])

    def _split(self, groups: int, blocks: int, width: int) -> tuple[int, int]:
        """Pairs of tiles that are transformed together, and blocks of channels for whose sums there is room."""
        if (strip := self.room_bytes // _pair_bytes(groups, blocks)) > 0:
            return min(strip, -(-width // 4)), blocks
        chunks = -(-blocks // max(1, (self.room_bytes - _pair_bytes(groups, 0)) // _pair_bytes(0, 1)))
        return 1, -(-blocks // chunks)

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        """Pairs of tiles by four channels.

        `strips` are pairs that are transformed together for some blocks; inputs and borders count once for each pass.
        Borders are pairs that hang over the picture's sides, and all of those one of whose rows lies above or below it:
        in the first and in the last step of a padded picture that is one of four, or all of them if the step makes one
        row alone. Such rows, and pixels behind the last four of a row, become bytes one by one.
        """
        layer, width = Layer(self, tuple(inputs), output), output.width
        groups, blocks, channels = layer.number("groups"), layer.number("blocks"), layer.output.channels
        alone, (both, odd) = min(self.early, output.height), divmod(max(0, output.height - self.early), 2)
        steps, pairs, passes = alone + both + odd, ceil_div(width, 4), self.passes(inputs, output)
        strips = ceil_div(pairs, layer.number("strip"))
        padded = layer.inputs[0].height < output.height + 2
        outside = padded * ((1.0 if alone else 0.25) + (1.0 if odd else 0.25))  # steps above and below the picture
        inside = max(0, (layer.inputs[0].width - 2 + layer.number("pad_left")) // 4 - layer.number("pad_left"))
        whole = sum(plane.channels // 4 for plane in layer.inputs)
        plain = (layer.number("least"), layer.number("most")) == (-128, 127)
        plainly = min(inside, pairs) * whole
        quick = both * (width // 4) * 8 * channels if plain else 0
        return {
            "strips": steps * strips * passes,
            "borders": passes * (steps * (pairs * whole - plainly) + outside * plainly),
            "rough_borders": passes * steps * pairs * (groups - whole),
            "inputs": steps * passes * pairs * groups,
            "blocks": steps * pairs * blocks,
            "words": steps * pairs * blocks * groups,
            "elements": quick,
            "rough_elements": output.height * width * channels - quick,
        }


def takes_winograd(conv: Conv2D) -> bool:
    """Whether the kernel can make a convolution: 3x3, stride 1, and four times each sum fits 32 bits."""
    o = conv.options
    plain = (o.stride_h, o.stride_w, o.dilation_h, o.dilation_w) == (1, 1, 1, 1)
    return plain and conv.weights.shape[1:3] == (3, 3) and is_tame(conv.weights, conv.bias, conv.requantization, 2**29)


def as_winograd(conv: Conv2D, early: int = 0) -> WinogradConv2D:
    """The same convolution by the other kernel."""
    return WinogradConv2D(conv.weights, conv.options, conv.bias, conv.requantization, early)


def transform(weights: NDArray[np.int8], parts: Sequence[int]) -> NDArray[np.int16]:
    """Weights as kernels/conv_2d_winograd.c wants them.

    Args:
        weights: `[out, 3, 3, in]`.
        parts: input channels of each plane; each is filled up to a multiple of four.

    Returns:
        `[4, out / 4, 4, in / 4, 2, 4, 2]`: rows, blocks, columns, groups, even and odd, output and input channels.
    """
    transformed = np.einsum("ia,oabc,jb->ijoc", _TWICE_G, weights.astype(np.int64), _TWICE_G)
    signed = transformed[_ORDER][:, _ORDER] * np.multiply.outer(_SIGNS, _SIGNS)[:, :, None, None]
    edges = np.cumsum(parts)[:-1]
    filled = [_filled(part, 3) for part in np.split(_filled(signed, 2), edges, axis=3)]
    joined = np.concatenate(filled, axis=3)
    shape = (4, 4, joined.shape[2] // 4, 4, joined.shape[3] // 4, 2, 2)  # input channels are 4 * group + 2 * i + e
    return joined.reshape(shape).transpose(0, 2, 1, 4, 6, 3, 5).astype(np.int16)


def _fours(channels: int) -> int:
    return -(-channels // 4)


def _filled(values: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Zeros at the end of an axis, up to a multiple of four."""
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, -values.shape[axis] % 4)
    return np.pad(values, widths)


def _pair_bytes(groups: int, blocks: int) -> int:
    """Scratch of two tiles: a row of the transformed input in 16 bits, and all sums in 32."""
    return 64 * groups + 128 * blocks
