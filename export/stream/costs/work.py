"""What a layer does, in units that each take a processor about the same time: the terms of the cost model.

Each operator counts its own kernel's loops (`Operation.work`, in ops/); here is what they share. What a unit costs is
measured, and not known here; cost.py has the prices.
"""

from __future__ import annotations

from dataclasses import replace

from edgeblur.errors import UserError
from edgeblur.export.stream.net.layer import VECTOR, Layer
from edgeblur.export.stream.net.net import Net, Node
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D, as_winograd


def layers(net: Net) -> dict[int, Layer]:
    """The layers of a net by node; the picture that comes in is none."""
    return {n: layer_of(net, node) for n, node in enumerate(net.nodes) if node.operation}


def layer_of(net: Net, node: Node) -> Layer:
    """A node with its planes."""
    assert node.operation is not None, "the picture is no layer"
    return Layer(node.operation, tuple(net.planes(node)), node.plane, node.table is not None)


PRICED_AS = dict.fromkeys(("depth_to_space", "resize_nearest_neighbor", "space_to_depth"), "copy")
"""Kernels that share their prices: they all move pieces of bytes."""


DIRECT = "direct"
"""Stands for the kernel that a layer's operation names itself."""


def layer_work(layer: Layer, kernel: str = DIRECT, *, helium: bool = False) -> dict[str, float]:
    """What a layer does in a frame, by `KERNEL.UNIT`.

    Args:
        layer: with its planes.
        kernel: `DIRECT`, or another one that could do the same.
        helium: for a core with vectors.

    Raises:
        UserError: no such kernel.
    """
    layer = _with_kernel(layer, kernel)
    kernel = layer.operation.kernel
    counted = layer.operation.work(layer.inputs, layer.output, helium=helium)
    if counted is None:
        raise UserError(f"no instructions were counted for the kernel {kernel!r}")
    work = {f"{PRICED_AS.get(kernel, kernel)}.{unit}": float(amount) for unit, amount in counted.items()}
    if layer.table:
        whole, rest = divmod(layer.output.row_bytes, VECTOR) if helium else (0, layer.output.row_bytes)
        work |= {"table.vectors": float(layer.output.height * whole)} if whole else {}
        work |= {"table.bytes": float(layer.output.height * rest)} if rest else {}
    return work


def _with_kernel(layer: Layer, kernel: str) -> Layer:
    """The same layer, made by another kernel that could do it."""
    operation = layer.operation
    if kernel in (DIRECT, operation.kernel):
        return layer
    if kernel != WinogradConv2D.kernel or type(operation) is not Conv2D:
        known = f"choose {DIRECT}, or {WinogradConv2D.kernel} for CONV_2D"
        raise UserError(f"no kernel {kernel!r} makes {operation.label} in the cost model: {known}")
    return replace(layer, operation=as_winograd(operation))


def is_counted(layer: Layer) -> bool:
    """Whether the cost model knows the layer's kernel."""
    return layer.operation.work(layer.inputs, layer.output) is not None
