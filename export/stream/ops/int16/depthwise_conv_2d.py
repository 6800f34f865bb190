"""DEPTHWISE_CONV_2D of 16-bit planes, with all that it has in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, windowed
from edgeblur.export.stream.net.net import Array, Field, Plane
from edgeblur.export.stream.ops.convolution import Convolution
from edgeblur.export.stream.ops.depthwise_conv_2d import read_depthwise
from edgeblur.export.stream.ops.int16.weights import Sums, read_sums
from edgeblur.export.tflite.graph import Op


@dataclass(frozen=True, eq=False)
class DepthwiseConv2DInt16(Convolution):
    """A convolution in which each output channel reads one input channel.

    Attributes:
        weights: `[1, kernel height, kernel width, out]`, as of 8 bits.
        sums: biases and scales.
    """

    kernel = "depthwise_conv_2d_int16"
    label = "DEPTHWISE_CONV_2D"
    sums: Sums

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "weights": Array("weights", self.weights),
            **self.sums.fields(),
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "out_width": output.width,
            "depth_multiplier": output.channels // inputs[0].channels,
            **self.window_fields(inputs, output),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        lines = layer.rows_inside() * output.width * output.channels
        each = {
            **windowed(layer),
            "padded_lines": lines * (layer.number("pad_left") > 0),
            "divisions": layer.elements * (layer.number("depth_multiplier") > 1),
        }
        return each if self.sums.narrow else {f"wide_{unit}": amount for unit, amount in each.items()}


def lower(builder: Builder, op: Op) -> None:
    """Add a DEPTHWISE_CONV_2D."""
    source = builder.source(op, 0)
    options, weights, taken, given = read_depthwise(builder, op)
    rows = weights.reshape(-1, given.channels).T
    sums = read_sums(builder, op, (taken, given), rows, options.activation, bias_at=2, axis=3)
    builder.add(op, DepthwiseConv2DInt16(weights, options, sums), (source,))
