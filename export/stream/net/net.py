"""The net as the streaming engine sees it: planes of rows, and operations that make a row from rows."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

WIDE = "int16"
"""The type of all planes of a net that computes with 16 bits."""


@dataclass(frozen=True)
class Plane:
    """A feature map, kept row by row: `[height, width, channels]` numbers, channels innermost.

    Attributes:
        name: of the tensor that it was in the .tflite.
        height, width, channels: sizes.
        dtype: `int8`, or `uint8` at the ends of a model that takes or gives such pictures; `int32` or `int64` where
            channels are counted, of an output only; `int16` of all planes of a net that computes with 16 bits.
        scale: real value of one step.
        zero_point: the step that means 0.0.
    """

    name: str
    height: int
    width: int
    channels: int
    dtype: str
    scale: float
    zero_point: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.channels * np.dtype(self.dtype).itemsize

    @property
    def pixel_steps(self) -> int:
        """From a pixel to the next in the C, whose rows are arrays of int16_t in a net of 16 bits, else of bytes."""
        return self.channels * (1 if self.dtype == WIDE else np.dtype(self.dtype).itemsize)


@dataclass(frozen=True)
class Window:
    """Which rows of an input plane each row of the output needs: `firsts[y] + i * step` for i in `range(count)`.

    Rows outside the input stand for padding: nothing is kept for them, and the kernel gets a null pointer.

    Attributes:
        firsts: for each output row, the first input row; may be negative.
        step: distance of the rows; more than 1 if dilated.
        count: how many.
    """

    firsts: tuple[int, ...]
    step: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if self.step < 1 or self.count < 1 or any(later < sooner for sooner, later in pairwise(self.firsts)):
            raise ValueError(f"a window moves down its plane: {self}")

    def rows(self, y: int, height: int) -> range:
        """The rows inside an input of this height that output row `y` needs."""
        first, stop = self.firsts[y], self.firsts[y] + self.count * self.step
        first += -(first // self.step) * self.step if first < 0 else 0
        return range(first, min(stop, height), self.step)


@dataclass(frozen=True, eq=False)
class Array:
    """A constant array of the generated C, in flash.

    Attributes:
        role: what it is to its operation (`weights`, `bias`); part of its name.
        values: integers; their type becomes the C type.
    """

    role: str
    values: NDArray[np.integer[Any]]


Field = int | Array | None
"""What a kernel's struct can hold: a number, or a pointer to constants (or to nothing)."""


@dataclass(frozen=True, eq=False)
class Columns:
    """How a kernel makes only some columns of its rows, as if they were rows of their own.

    Attributes:
        fields: the members of its struct that change.
        moved: steps by which pointers to rows of each input go on; none of it where they stay.
    """

    fields: Mapping[str, Field]
    moved: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Operation(abc.ABC):
    """How one row of a plane, or some at a time, are made from rows of others; `kernels/KERNEL.c` does it in C.

    Attributes:
        kernel: names the C file, its struct, and its function `KERNEL_row(op, rows, y, out, scratch)`.
        label: the op's kind as people know it (`CONV_2D`).
        step_rows: rows that the kernel makes at a time; if more than one, its function is
            `KERNEL_rows(op, rows, y, outs, scratch)`, with pointers to all rows that they need, and null pointers in
            `outs` for rows outside the plane.
    """

    kernel: ClassVar[str]
    label: ClassVar[str]
    step_rows: ClassVar[int] = 1

    @property
    def early_rows(self) -> int:
        """So many rows above the plane begins the first step, less than `step_rows`."""
        return 0

    @abc.abstractmethod
    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        """For each input, the rows that each output row needs; the kernel gets pointers to them, input by input."""

    @abc.abstractmethod
    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        """The kernel's struct, member by member."""

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        """Multiply-accumulates of one output row."""
        return 0

    def scratch_bytes(self, inputs: Sequence[Plane], output: Plane) -> int:
        """Bytes that the kernel may write during one row, aligned to 4."""
        return 0

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        """How the kernel makes columns `first` to `end` - 1 of the output alone; None if it cannot."""
        return None

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Mapping[str, float] | None:
        """What the kernel does in a frame, by units that each take a processor about the same time.

        It walks the kernel's loops as its C does, without the numbers; `helium` is for a core with vectors.

        Returns:
            None for a kernel that the cost model does not know.
        """
        return None


@dataclass(frozen=True, eq=False)
class Node:
    """An operation at its place in the net.

    Attributes:
        name: of the layer, as people know it.
        operation: what makes its rows; None for the picture that comes in, always node 0.
        inputs: the nodes whose planes it reads.
        plane: what it makes.
        table: 256 bytes that each byte of a finished row is looked up in, by its unsigned value; None for none.
        recomputes: the node that this one repeats to save memory; None for none.
        why: it has the kernel it has; None if there was no choice.
    """

    name: str
    operation: Operation | None
    inputs: tuple[int, ...]
    plane: Plane
    table: bytes | None = None
    recomputes: int | None = None
    why: str | None = None

    @property
    def step_rows(self) -> int:
        """Rows that a step makes."""
        return self.operation.step_rows if self.operation else 1

    @property
    def steps(self) -> list[range]:
        """The rows that each step makes."""
        early = self.operation.early_rows if self.operation else 0
        tops = range(-early, self.plane.height, self.step_rows)
        return [range(max(top, 0), min(top + self.step_rows, self.plane.height)) for top in tops]


@dataclass(frozen=True, eq=False)
class Net:
    """Nodes in an order in which each one's inputs come before it; node 0 is the picture in, the last one comes out.

    With several outputs the last ones come out, as many as there are, and nobody reads them.

    Attributes:
        name: of the model.
        nodes: those.
        output_count: how many come out.
        cores: how many make a row together, 1 or 2.
    """

    name: str
    nodes: tuple[Node, ...]
    output_count: int = 1
    cores: int = 1

    def __post_init__(self) -> None:
        for n, node in enumerate(self.nodes):
            windows = self.windows(node) if all(i < n for i in node.inputs) else ()
            if len(windows) != len(node.inputs) or any(len(w.firsts) != node.plane.height for w in windows):
                told = f"node {n} ({node.name})"
                raise ValueError(f"{told} needs a window of each input, made before it, for each of its rows")
        for node in (self.nodes[n] for n in self.outputs):
            if node.step_rows > 1:
                raise ValueError(f"the output ({node.name}) goes out row by row")
        if any(i in self.outputs for node in self.nodes for i in node.inputs):
            raise ValueError("rows of an output go out, and nothing can be made of them")

    @property
    def outputs(self) -> range:
        """The nodes whose rows come out, in the order of the model's outputs."""
        return range(len(self.nodes) - self.output_count, len(self.nodes))

    def planes(self, node: Node) -> list[Plane]:
        """A node's input planes."""
        return [self.nodes[i].plane for i in node.inputs]

    def windows(self, node: Node) -> Sequence[Window]:
        """A node's windows into its inputs; none for the picture in."""
        return node.operation.windows(self.planes(node), node.plane) if node.operation else ()

    def row_macs(self, node: Node) -> int:
        """Multiply-accumulates of one row of a node."""
        return node.operation.row_macs(self.planes(node), node.plane) if node.operation else 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a picture, repeated ones included."""
        return sum(self.row_macs(node) * node.plane.height for node in self.nodes)

    @property
    def macs_recomputed(self) -> int:
        """Those that are spent a second time to save memory."""
        return sum(self.row_macs(node) * node.plane.height for node in self.nodes if node.recomputes is not None)
