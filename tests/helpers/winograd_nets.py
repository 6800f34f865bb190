"""Nets in which every convolution that Winograd's kernel can make is made by it, whatever that costs."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.emit import emit
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D, as_winograd, takes_winograd
from edgeblur.export.stream.planning.plan import plan
from edgeblur.export.stream.planning.schedule import schedule
from edgeblur.export.tflite.graph import Graph, image_model
from edgeblur.export.tflite.inside import without_ends

ROOMS = (0, 300, 1024, 5000)
"""Bytes of scratch: for a block of channels at a time, for some, for all, for several pairs of tiles."""


def forced(net: Net, seed: int = 0) -> Net:
    """The net with all its Winograd convolutions; they begin with one row or two, and have room, as a seed decides."""
    random, nodes = np.random.default_rng(seed), []
    for n, node in enumerate(net.nodes):
        operation = node.operation
        if type(operation) is Conv2D and takes_winograd(operation) and n not in net.outputs:
            made = as_winograd(operation, early=int(random.integers(2)))
            made = dataclasses.replace(made, room_bytes=int(random.choice(ROOMS)))
            node = dataclasses.replace(node, operation=made)
        nodes.append(node)
    return dataclasses.replace(net, nodes=tuple(nodes))


def winograd_layers(net: Net) -> int:
    """How many layers of a net have that kernel."""
    return sum(isinstance(node.operation, WinogradConv2D) for node in net.nodes)


def compile_whole(net: Net, graph: Graph, provenance: Provenance, *, optimize: str = "speed") -> Compiled:
    """Put a net in order and in place, and write its C."""
    order = schedule(net)
    places = plan(order)
    return Compiled(
        net,
        order,
        places,
        emit(net, order, places, image_model(without_ends(graph), several=True), provenance, optimize=optimize),
    )
