"""The streaming engine: its C, compiled by the host's compiler, gives LiteRT's reference bytes."""

from __future__ import annotations

import pytest
from int8_nets import Int8Net, differing_bytes


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
