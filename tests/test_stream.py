"""The streaming engine: its C, compiled by the host's compiler, gives LiteRT's reference bytes."""

from __future__ import annotations

import numpy as np
import pytest
from int8_nets import Int8Net, picture_bytes

from edgeblur.firmware_harness.engines import open_engine


def differing_bytes(net: Int8Net, output: int, pictures: int = 2) -> int:
    """Output bytes in which the streaming engine and LiteRT's reference kernels differ."""
    data = net.tflite(output)
    reference, stream = open_engine("litert-ref", data), open_engine("stream", data)
    raws = [picture_bytes(net, seed) for seed in range(pictures)]
    return sum(int((reference.run(raw) != stream.run(raw)).sum()) for raw in raws)


@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "padding"),
    [((3, 3), (1, 1), (1, 1), "SAME"), ((1, 1), (2, 2), (1, 1), "SAME"), ((5, 2), (2, 1), (1, 1), "VALID"),
     ((3, 3), (1, 1), (2, 3), "SAME"), ((2, 4), (3, 2), (1, 1), "SAME")],
)  # fmt: skip
def test_a_convolution_gives_the_reference_bytes(kernel, stride, dilation, padding, activation):
    net = Int8Net()
    x = net.picture(13, 11)
    y = net.conv(x, 5, kernel, stride=stride, dilation=dilation, padding=padding, activation=activation, zero_point=3)
    assert differing_bytes(net, y) == 0
    assert np.unique(open_engine("stream", net.tflite(y)).run(picture_bytes(net))).size > 8
