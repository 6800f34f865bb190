"""Channels of one size between a depthwise convolution and the convolution behind it, before int8.

Nothing lies between the two but channels, each made from one and read by all: multiplied where it is made and divided
where it is read, a channel changes no output. Per-channel weights take the first factor for nothing, and what the
second one reads uses its one scale fully (cross-layer equalization, Nagel et al. 2019, "Data-Free Quantization Through
Weight Equalization and Bias Correction").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from edgeblur.export.tflite.graph import Graph, Op
from edgeblur.export.tflite.options import DepthwiseConv2DOptions
from edgeblur.quantize.plain import with_numbers
from edgeblur.quantize.ranges import Floats, find_ranges

_MOST = 16.0
"""A channel grows by so much at most, beside the largest: one that calibration saw little of needs its headroom."""


def equalize_depthwise(graph: Graph, pictures: Sequence[Floats]) -> Graph:
    """Rescale the channels behind depthwise convolutions; the net's outputs stay.

    Args:
        graph: float, as `plain_graph` gives it.
        pictures: as `find_ranges` takes them.
    """
    ranges, tensors = find_ranges(graph, pictures), list(graph.tensors)
    for maker, reader in _pairs(graph):
        peaks = ranges.peaks(maker.outputs[0])
        factors = 1 / np.maximum(peaks, max(peaks.max() / _MOST, 1e-6))
        for index in maker.inputs[1:]:
            tensors[index] = with_numbers(tensors[index], tensors[index].array() * factors)
        weights = tensors[reader.inputs[1]]
        tensors[weights.index] = with_numbers(weights, weights.array() / factors)
    return replace(graph, tensors=tuple(tensors))


def _pairs(graph: Graph) -> Iterator[tuple[Op, Op]]:
    """Depthwise convolutions without more than a RELU, and the one convolution that reads each."""
    for op in graph.ops:
        readers = [other for other in graph.ops if op.outputs[0] in other.inputs]
        passes_on = isinstance(op.options, DepthwiseConv2DOptions) and op.options.activation in ("NONE", "RELU")
        if passes_on and op.outputs[0] not in graph.outputs and [o.kind for o in readers] == ["CONV_2D"]:
            yield op, readers[0]
