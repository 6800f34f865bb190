"""Which kernel makes which layer: the one with fewer instructions, where flash permits."""

from __future__ import annotations

import dataclasses

from edgeblur.export.stream.net import Net
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D, as_winograd, takes_winograd
from edgeblur.export.stream.schedule import schedule


def force(net: Net) -> Net:
    nodes = [
        dataclasses.replace(node, operation=as_winograd(node.operation))
        if isinstance(node.operation, Conv2D) and takes_winograd(node.operation) and n != net.output
        else node
        for n, node in enumerate(net.nodes)
    ]
    return Net(net.name, tuple(nodes))


def settle(net: Net) -> Net:
    """Let each Winograd layer begin with the row, or the pair of rows, that saves most memory."""
    best, least = net, schedule(net).live_bytes
    for _ in range(3):
        before = least
        for n, node in enumerate(net.nodes):
            if isinstance(node.operation, WinogradConv2D):
                other = list(best.nodes)
                operation = best.nodes[n].operation
                other[n] = dataclasses.replace(best.nodes[n], operation=dataclasses.replace(operation, early=1 - operation.early))
                trial = Net(net.name, tuple(other))
                live = schedule(trial).live_bytes
                if live < least:
                    best, least = trial, live
        if least == before:
            break
    return best
