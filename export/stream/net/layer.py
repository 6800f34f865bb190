"""An operation between its planes, and the loops that several kernels have: what the cost model counts.

A unit's name says what is counted: `words` of products, `elements` of the output, `columns` gathered. What a unit costs
is measured, and not known here; costs/cost.py has the prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeblur.export.stream.net.net import Operation, Plane, Window

Work = Mapping[str, float]
"""Amounts in a frame, by unit."""


@dataclass(frozen=True, eq=False)
class Layer:
    """An operation between its planes.

    Attributes:
        operation: what makes the rows.
        inputs: the planes it reads.
        output: the plane it makes.
        table: whether each byte is looked up in a table afterwards.
    """

    operation: Operation
    inputs: tuple[Plane, ...]
    output: Plane
    table: bool = False

    @property
    def pixels(self) -> int:
        """Of the output."""
        return self.output.height * self.output.width

    @property
    def elements(self) -> int:
        """Numbers of the output."""
        return self.pixels * self.output.channels

    def number(self, member: str) -> int:
        """A number of the kernel's struct."""
        value = self.operation.fields(self.inputs, self.output)[member]
        assert isinstance(value, int)
        return value

    def rows_inside(self) -> int:
        """Rows that are not padding, over all output rows, of all inputs."""
        windows = self.operation.windows(self.inputs, self.output)
        pairs = list(zip(windows, self.inputs, strict=True))
        return sum(len(window.rows(y, plane.height)) for window, plane in pairs for y in range(self.output.height))


VECTOR = 16
"""Bytes of a Helium vector."""


def ceil_div(value: int, by: int) -> int:
    """Rounded up."""
    return -(-value // by)


def pointwise(layer: Layer) -> Work:
    """Number by number, whatever lies around."""
    return {"rows": layer.output.height, "pixels": layer.pixels, "elements": layer.elements}


def copied(layer: Layer, pieces: int) -> Work:
    """Bytes that are moved in so many pieces."""
    return {"rows": layer.output.height, "pieces": pieces, "bytes": layer.elements}


def window_width(layer: Layer) -> int:
    """Columns of a window."""
    fields = layer.operation.fields(layer.inputs, layer.output)
    return layer.number("kernel_w" if "kernel_w" in fields else "filter_w")


def columns_inside(layer: Layer) -> int:
    """Columns that are not padding, over all pixels of an output row; of a plain window."""
    fields = layer.operation.fields(layer.inputs, layer.output)
    dilation = layer.number("dilation") if "dilation" in fields else 1
    stride, pad = layer.number("stride"), layer.number("pad_left")
    window = Window(tuple(x * stride - pad for x in range(layer.output.width)), dilation, window_width(layer))
    return sum(len(window.rows(x, layer.inputs[0].width)) for x in range(layer.output.width))


def windowed(layer: Layer) -> Work:
    """Number by number, over a window of one channel: depthwise convolutions and pools.

    Where sizes are constants, compilers spell out the loops over windows of 1 or 2 that never hang over the border.
    """
    rows, channels, columns = layer.rows_inside(), layer.output.channels, columns_inside(layer)
    width = window_width(layer)
    narrow = "narrow_" if width <= 2 and columns == width * layer.output.width else ""
    return {
        "rows": layer.output.height,
        "pixels": layer.pixels,
        f"{narrow}elements": layer.elements,
        f"{narrow}lines": rows * layer.output.width * channels,
        f"{narrow}taps": rows * columns * channels,
    }
