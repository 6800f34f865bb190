"""Rows that two cores make together: one from the left edge on, the other one from about the middle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeblur.export.stream.net.net import Field, Net, Node

_TOGETHER = 4
"""Columns that kernels like to make together: Winograd's take four, others two."""


@dataclass(frozen=True, eq=False)
class Half:
    """What one core makes of a node's rows.

    Attributes:
        fields: the kernel's struct.
        moved: steps by which its pointers to rows of each input go on.
        out_moved: steps by which its pointer to the row that it makes goes on.
        size_bytes: of what it makes of the row.
        share: of the row's columns.
    """

    fields: Mapping[str, Field]
    moved: tuple[int, ...]
    out_moved: int
    size_bytes: int
    share: float


Halves = tuple[Half, Half]


def halves(net: Net, node: Node) -> Halves | None:
    """How two cores make a node's rows together; None if one makes them alone."""
    width = node.plane.width
    columns = [width // 2 // by * by for by in (_TOGETHER, 2)]
    found = (_split(net, node, column) for column in columns if column > 0)
    return next((pair for pair in found if pair), None) if net.cores == 2 and node.operation else None


def _split(net: Net, node: Node, column: int) -> Halves | None:
    width = node.plane.width
    left, right = _half(net, node, 0, column), _half(net, node, column, width)
    return (left, right) if left and right else None


def _half(net: Net, node: Node, first: int, end: int) -> Half | None:
    operation, inputs, plane = node.operation, net.planes(node), node.plane
    assert operation is not None
    if (columns := operation.columns(inputs, plane, first, end)) is None:
        return None
    fields = operation.fields(inputs, plane)
    return Half(
        fields={**fields, **columns.fields},
        moved=columns.moved,
        out_moved=first * plane.pixel_steps,
        size_bytes=(end - first) * (plane.row_bytes // plane.width),
        share=(end - first) / plane.width,
    )
