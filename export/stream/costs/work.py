"""What a layer does, in units that each take a processor about the same time: the terms of the cost model.

Every kernel has one small function here that walks its loops as its C does, without the numbers. A unit's name says
what is counted: `words` of products, `elements` of the output, `columns` gathered. What a unit costs is measured, and
not known here; cost.py has the prices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgeblur.errors import UserError
from edgeblur.export.stream.net.net import Array, Net, Node, Operation, Plane, Window
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D, as_winograd

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


def layers(net: Net) -> dict[int, Layer]:
    """The layers of a net by node; the picture that comes in is none."""
    return {n: layer_of(net, node) for n, node in enumerate(net.nodes) if node.operation}


def layer_of(net: Net, node: Node) -> Layer:
    """A node with its planes."""
    assert node.operation is not None, "the picture is no layer"
    return Layer(node.operation, tuple(net.planes(node)), node.plane, node.table is not None)


def _ceil(value: int, by: int) -> int:
    return -(-value // by)


# Convolutions


@dataclass(frozen=True)
class _Convolution:
    """Sizes of a CONV_2D, or of a transposed one whose windows lie side by side, as kernels/conv_2d.c has them."""

    in_channels: int
    out_width: int
    out_channels: int
    kernel_h: int
    kernel_w: int
    stride: int
    dilation: int
    column_bytes: int
    strip: int
    parts: tuple[int, ...]
    whole_words: bool
    tame: bool

    @classmethod
    def of(cls, layer: Layer) -> _Convolution:
        fields = layer.operation.fields(layer.inputs, layer.output)
        part_channels = fields["part_channels"]
        assert isinstance(part_channels, Array)
        return cls(
            in_channels=layer.number("in_channels"),
            out_width=layer.number("out_width"),
            out_channels=layer.number("out_channels"),
            kernel_h=layer.number("kernel_h"),
            kernel_w=layer.number("kernel_w"),
            stride=layer.number("stride"),
            dilation=layer.number("dilation"),
            column_bytes=layer.number("column_bytes"),
            strip=layer.number("strip"),
            parts=tuple(part_channels.values.tolist()),
            whole_words=bool(layer.number("whole_words")),
            tame=bool(layer.number("tame")),
        )

    @property
    def shared(self) -> bool:
        """Neighbouring windows share columns."""
        return self.dilation == 1 and self.stride <= self.kernel_w

    @property
    def apart(self) -> int:
        return self.stride if self.shared else self.kernel_w

    def strips(self, longest: int) -> list[int]:
        """Pixels of each strip of a row."""
        return [min(longest, self.out_width - x) for x in range(0, self.out_width, longest)]


def _conv_2d(layer: Layer) -> Work:
    """kernels/conv_2d_2x2.h: two pixels by two channels, words of four numbers.

    A pair of channels that is the only one needs no loop; an odd channel needs more code.
    """
    c, height = _Convolution.of(layer), layer.output.height
    strips = c.strips(c.strip)
    kept = max(c.kernel_w - c.stride, 0) if c.shared else 0
    columns = sum((_ceil(pixels, 2) * 2 - 1) * c.apart + c.kernel_w for pixels in strips) - kept * (len(strips) - 1)
    taken = height * columns * c.kernel_h * c.in_channels
    pairs = height * _ceil(c.out_width, 2)
    blocks = pairs * _ceil(c.out_channels, 2)
    return {
        "rows": height,
        "strips": height * len(strips),
        "columns": height * columns,
        "pieces": height * columns * c.kernel_h * len(c.parts),
        "gathered_words" if c.whole_words else "gathered_bytes": taken / 4 if c.whole_words else taken,
        "kept_words": height * (len(strips) - 1) * kept * c.column_bytes / 4,
        "blocks" if c.out_channels > 2 else "lone_blocks": blocks,
        "odd_blocks": pairs * (c.out_channels % 2),
        "words": blocks * c.kernel_w * c.column_bytes / 4,
        "elements" if c.tame else "rough_elements": height * c.out_width * c.out_channels,
    }


def _conv_2d_winograd(layer: Layer) -> Work:
    """kernels/conv_2d_winograd.c: pairs of tiles by four channels; it could make a direct convolution's layer."""
    operation, width = layer.operation, layer.output.width
    assert isinstance(operation, Conv2D)
    if not isinstance(operation, WinogradConv2D):
        layer = replace(layer, operation=as_winograd(operation))
    groups, blocks, channels = layer.number("groups"), layer.number("blocks"), layer.output.channels
    steps, pairs = _ceil(layer.output.height, 2), _ceil(width, 4)
    inside = max(0, (layer.inputs[0].width - 2 + layer.number("pad_left")) // 4 - layer.number("pad_left"))
    whole = sum(plane.channels // 4 for plane in layer.inputs)
    plain = (layer.number("least"), layer.number("most")) == (-128, 127)
    return {
        "rows": steps,
        "borders": steps * (max(0, pairs - inside) * whole + pairs * (groups - whole)),
        "inputs": steps * pairs * groups,
        "blocks": steps * pairs * blocks,
        "words": steps * pairs * blocks * groups,
        "elements" if plain else "rough_elements": steps * pairs * channels * 8,
    }


_VECTOR = 16
"""Bytes of a Helium vector."""


def _conv_2d_helium(layer: Layer) -> Work:
    """kernels/conv_2d_mve.h: two pixels by four channels, vectors of 16 numbers."""
    c, height = _Convolution.of(layer), layer.output.height
    direct = c.kernel_w == c.kernel_h == len(c.parts) == 1 and c.in_channels % 4 == 0
    direct = direct and (c.out_width % 2 == 0 or c.in_channels <= _VECTOR)
    columns = 2 * ((c.strip - 1) * c.apart + c.kernel_w) + 1
    strips = c.strips(c.out_width if direct else ((columns - c.kernel_w) // c.apart + 1) // 2 * 2)
    quads, size = _ceil(c.out_channels, 4), c.kernel_w * c.column_bytes
    work: dict[str, float] = {"rows": height, "strips": height * len(strips), "turns": height * len(strips) * quads}
    if size <= _VECTOR:
        work |= {"few": height * c.out_width * quads}
    else:
        chunks = [min(_VECTOR, pixels - x) for pixels in strips for x in range(0, pixels, _VECTOR)]
        pairs = height * quads * sum(_ceil(pixels, 2) for pixels in chunks)
        work |= {"chunks": height * quads * len(chunks), "pairs": pairs, "vectors": pairs * ((size - 1) // _VECTOR)}
    work["quads" if c.tame else "rough_quads"] = height * c.out_width * quads
    return work | ({} if direct else _gathered(c, height, strips))


def _gathered(c: _Convolution, height: int, strips: Sequence[int]) -> dict[str, float]:
    """How Helium collects the windows of strips of so many pixels."""
    if not c.shared:
        columns = height * c.out_width * c.kernel_w
        pieces = columns * c.kernel_h * len(c.parts)
        return {"columns": columns, "pieces": pieces, "gathered_bytes": columns * c.kernel_h * c.in_channels}
    columns = sum((pixels - 1) * c.apart + c.kernel_w for pixels in strips)
    lines = height * len(strips) * c.kernel_h * len(c.parts)
    scattered = copied = 0
    for channels in c.parts:
        if c.whole_words and channels in (4, 8):
            scattered += (
                height
                * c.kernel_h
                * sum(_ceil(((pixels - 1) * c.apart + c.kernel_w) * channels, _VECTOR) for pixels in strips)
            )
        else:
            copied += height * c.kernel_h * columns * _ceil(channels, _VECTOR)
    return {"lines": lines, "scattered_vectors": scattered, "copied_vectors": copied}


def _window_width(layer: Layer) -> int:
    fields = layer.operation.fields(layer.inputs, layer.output)
    return layer.number("kernel_w" if "kernel_w" in fields else "filter_w")


def _inside(layer: Layer) -> int:
    """Columns that are not padding, over all pixels of an output row; of a plain window."""
    fields = layer.operation.fields(layer.inputs, layer.output)
    dilation = layer.number("dilation") if "dilation" in fields else 1
    stride, pad = layer.number("stride"), layer.number("pad_left")
    window = Window(tuple(x * stride - pad for x in range(layer.output.width)), dilation, _window_width(layer))
    return sum(len(window.rows(x, layer.inputs[0].width)) for x in range(layer.output.width))


def _windowed(layer: Layer) -> Work:
    """Number by number, over a window of one channel: depthwise convolutions and pools.

    Where sizes are constants, compilers spell out the loops over windows of 1 or 2 that never hang over the border.
    """
    rows, channels, columns = layer.rows_inside(), layer.output.channels, _inside(layer)
    width = _window_width(layer)
    narrow = "narrow_" if width <= 2 and columns == width * layer.output.width else ""
    return {
        "rows": layer.output.height,
        "pixels": layer.pixels,
        f"{narrow}elements": layer.elements,
        f"{narrow}lines": rows * layer.output.width * channels,
        f"{narrow}taps": rows * columns * channels,
    }


def _depthwise_conv_2d(layer: Layer) -> Work:
    several = layer.number("depth_multiplier") > 1
    return {**_windowed(layer), "divisions": layer.elements if several else 0}


def _max_pool_2d_helium(layer: Layer) -> Work:
    rows, vectors = layer.rows_inside(), _ceil(layer.output.channels, _VECTOR)
    return {
        "rows": layer.output.height,
        "vectors": layer.pixels * vectors,
        "lines": rows * layer.output.width * vectors,
        "taps": rows * _inside(layer) * vectors,
    }


def _transpose_conv(layer: Layer) -> Work:
    """Each output number gathers from the pixels whose windows reach it."""
    width, channels = layer.output.width, layer.output.channels
    kernel, stride, pad = (layer.number(name) for name in ("kernel_w", "stride_w", "pad_left"))
    firsts = tuple((x + pad - kernel) // stride + 1 for x in range(width))
    lasts = [(x + pad) // stride for x in range(width)]
    limit = layer.inputs[0].width - 1
    reached = sum(max(0, min(last, limit) - max(first, 0) + 1) for first, last in zip(firsts, lasts, strict=True))
    rows = layer.rows_inside()
    return {
        "rows": layer.output.height,
        "pixels": layer.pixels,
        "elements": layer.elements,
        "lines": rows * width * channels,
        "taps": rows * reached * channels,
        "products": rows * reached * channels * layer.inputs[0].channels,
    }


# Others


def _pointwise(layer: Layer) -> Work:
    """Number by number, whatever lies around."""
    return {"rows": layer.output.height, "pixels": layer.pixels, "elements": layer.elements}


def _add(layer: Layer) -> Work:
    """Both operands are brought to one scale: a constant that is one number only once, powers of two by a shift."""
    constant = layer.operation.fields(layer.inputs, layer.output)["in.constant"]
    single = isinstance(constant, Array) and constant.values.size == 1
    operands = ("first",) if single else ("first", "second")
    multiplied = sum(layer.number(f"{name}_multiplier") != _POWER_OF_TWO for name in operands)
    return {
        **_pointwise(layer),
        "operands": layer.elements * len(operands),
        "multiplications": layer.elements * multiplied,
        "differences": layer.elements * any(layer.number(f"{name}_unit") < 0 for name in operands),
    }


_POWER_OF_TWO = 1 << 30
"""The multiplier of a scale that is a power of two."""


def _copied(layer: Layer, pieces: int) -> Work:
    return {"rows": layer.output.height, "pieces": pieces, "bytes": layer.elements}


def _concatenation(layer: Layer) -> Work:
    """Compilers spell out the loop over two parts, whose sizes are then constants."""
    pieces = layer.pixels * len(layer.inputs)
    several = len(layer.inputs) > 2
    return {"rows": layer.output.height, "several" if several else "pieces": pieces, "bytes": layer.elements}


def _depth_to_space(layer: Layer) -> Work:
    return _copied(layer, layer.output.height * layer.inputs[0].width)


def _space_to_depth(layer: Layer) -> Work:
    return _copied(layer, layer.pixels * layer.number("block"))


def _resize_nearest_neighbor(layer: Layer) -> Work:
    return _copied(layer, layer.pixels)


def _pad(layer: Layer) -> Work:
    whole = layer.number("in_channels") == layer.number("out_channels")
    return _copied(layer, layer.output.height * (2 if whole else 1 + layer.number("in_width")))


def _lookup(layer: Layer) -> Work:
    return _copied(layer, layer.output.height)


Counting = Callable[[Layer], Work]

WORK: dict[str, Counting] = {
    "add": _add,
    "average_pool_2d": _windowed,
    "concatenation": _concatenation,
    "conv_2d": _conv_2d,
    "conv_2d_winograd": _conv_2d_winograd,
    "depth_to_space": _depth_to_space,
    "depthwise_conv_2d": _depthwise_conv_2d,
    "lookup": _lookup,
    "max_pool_2d": _windowed,
    "mul": _pointwise,
    "pad": _pad,
    "prelu": _pointwise,
    "resize_bilinear": _pointwise,
    "resize_nearest_neighbor": _resize_nearest_neighbor,
    "space_to_depth": _space_to_depth,
    "transpose_conv": _transpose_conv,
}
"""By kernel file."""

HELIUM_WORK: dict[str, Counting] = {"conv_2d": _conv_2d_helium, "max_pool_2d": _max_pool_2d_helium}
"""Kernels that do it otherwise with vectors."""

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
    kernel = layer.operation.kernel if kernel == DIRECT else kernel
    if kernel not in WORK:
        raise UserError(f"no kernel {kernel!r} is in the cost model: choose among {', '.join((DIRECT, *WORK))}")
    count = HELIUM_WORK.get(kernel, WORK[kernel]) if helium else WORK[kernel]
    work = {f"{PRICED_AS.get(kernel, kernel)}.{unit}": float(amount) for unit, amount in count(layer).items()}
    if layer.table:
        whole, rest = divmod(layer.output.row_bytes, _VECTOR) if helium else (0, layer.output.row_bytes)
        work |= {"table.vectors": float(layer.output.height * whole)} if whole else {}
        work |= {"table.bytes": float(layer.output.height * rest)} if rest else {}
    return work
