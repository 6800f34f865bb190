"""What a CONV_2D's kernels do, walked as their C does it; also of transposed ones whose windows lie side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.layer import VECTOR, Layer, Work, ceil_div
from edgeblur.export.stream.net.net import Array


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
    column: int
    strip: int
    parts: tuple[int, ...]
    whole_words: bool
    tame: bool

    @classmethod
    def of(cls, layer: Layer) -> _Convolution:
        fields = layer.operation.fields(layer.inputs, layer.output)
        part_channels = fields["part_channels"]
        assert isinstance(part_channels, Array)
        wide = "column" in fields  # 16 bits
        return cls(
            in_channels=int(part_channels.values.sum()),
            out_width=layer.number("out_width"),
            out_channels=layer.number("out_channels"),
            kernel_h=layer.number("kernel_h"),
            kernel_w=layer.number("kernel_w"),
            stride=layer.number("stride"),
            dilation=layer.number("dilation"),
            column=layer.number("column" if wide else "column_bytes"),
            strip=layer.number("strip"),
            parts=tuple(part_channels.values.tolist()),
            whole_words=bool(layer.number("whole_words")),
            tame=wide or bool(layer.number("tame")),
        )

    @property
    def shared(self) -> bool:
        """Neighbouring windows share columns."""
        return self.dilation == 1 and self.stride <= self.kernel_w

    @property
    def apart(self) -> int:
        return self.stride if self.shared else self.kernel_w

    @property
    def kept(self) -> int:
        """Columns that a strip shares with the next one."""
        return max(self.kernel_w - self.stride, 0) if self.shared else 0

    def columns(self, strips: Sequence[int]) -> int:
        """That are collected for a row, two pixels at a time."""
        whole = sum((ceil_div(pixels, 2) * 2 - 1) * self.apart + self.kernel_w for pixels in strips)
        return whole - self.kept * (len(strips) - 1)

    def strips(self, longest: int) -> list[int]:
        """Pixels of each strip of a row."""
        return [min(longest, self.out_width - x) for x in range(0, self.out_width, longest)]


def conv_2d_work(layer: Layer) -> Work:
    """kernels/conv_2d_2x2.h: two pixels by two channels, words of four numbers.

    A pair of channels that is the only one needs no loop; an odd channel needs more code.
    """
    c, height = _Convolution.of(layer), layer.output.height
    strips = c.strips(c.strip)
    columns = c.columns(strips)
    taken = height * columns * c.kernel_h * c.in_channels
    pairs = height * ceil_div(c.out_width, 2)
    blocks = pairs * ceil_div(c.out_channels, 2)
    return {
        "rows": height,
        "strips": height * len(strips),
        "columns": height * columns,
        "pieces": height * columns * c.kernel_h * len(c.parts),
        "gathered_words" if c.whole_words else "gathered_bytes": taken / 4 if c.whole_words else taken,
        "kept_words": height * (len(strips) - 1) * c.kept * c.column / 4,
        "blocks" if c.out_channels > 2 else "lone_blocks": blocks,
        "odd_blocks": pairs * (c.out_channels % 2),
        "words": blocks * c.kernel_w * c.column / 4,
        "elements" if c.tame else "rough_elements": height * c.out_width * c.out_channels,
    }


def conv_2d_int16_work(layer: Layer, *, narrow: bool) -> Work:
    """kernels/conv_2d_int16.c: as in 8 bits; sums that may leave 32 bits one by one."""
    c, height = _Convolution.of(layer), layer.output.height
    strips = c.strips(c.strip)
    columns = c.columns(strips)
    taken = height * columns * c.kernel_h * c.in_channels
    pairs, elements = height * ceil_div(c.out_width, 2), height * c.out_width * c.out_channels
    blocks, words = pairs * ceil_div(c.out_channels, 2), c.kernel_w * c.column / 4
    work = {
        "rows": height,
        "strips": height * len(strips),
        "columns": height * columns,
        "pieces": height * columns * c.kernel_h * len(c.parts),
        "gathered_words" if c.whole_words else "gathered_numbers": taken / 2 if c.whole_words else taken,
        "kept_numbers": height * (len(strips) - 1) * c.kept * c.column,
    }
    if not narrow:
        return {**work, "wide_elements": elements, "wide_products": elements * words * 4}
    return {
        **work,
        "blocks" if c.out_channels > 2 else "lone_blocks": blocks,
        "odd_blocks": pairs * (c.out_channels % 2),
        "words": blocks * words,
        "elements": elements,
    }


def conv_2d_helium_work(layer: Layer) -> Work:
    """kernels/conv_2d_mve.h: two pixels by four channels, vectors of 16 numbers."""
    c, height = _Convolution.of(layer), layer.output.height
    direct = c.kernel_w == c.kernel_h == len(c.parts) == 1 and c.in_channels % 4 == 0
    direct = direct and (c.out_width % 2 == 0 or c.in_channels <= VECTOR)
    columns = 2 * ((c.strip - 1) * c.apart + c.kernel_w) + 1
    strips = c.strips(c.out_width if direct else ((columns - c.kernel_w) // c.apart + 1) // 2 * 2)
    quads, size = ceil_div(c.out_channels, 4), c.kernel_w * c.column
    work: dict[str, float] = {"rows": height, "strips": height * len(strips), "turns": height * len(strips) * quads}
    if size <= VECTOR:
        work |= {"few": height * c.out_width * quads}
    else:
        chunks = [min(VECTOR, pixels - x) for pixels in strips for x in range(0, pixels, VECTOR)]
        pairs = height * quads * sum(ceil_div(pixels, 2) for pixels in chunks)
        work |= {"chunks": height * quads * len(chunks), "pairs": pairs, "vectors": pairs * ((size - 1) // VECTOR)}
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
                * sum(ceil_div(((pixels - 1) * c.apart + c.kernel_w) * channels, VECTOR) for pixels in strips)
            )
        else:
            copied += height * c.kernel_h * columns * ceil_div(channels, VECTOR)
    return {"lines": lines, "scattered_vectors": scattered, "copied_vectors": copied}
