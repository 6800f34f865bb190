"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over height, width, channels or any of them.

What LiteRT makes of a sum, integers here and floats there, is a staircase: at some sums the output goes up a step. Its
own kernel is asked where, once; the C then only adds and looks the sum up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.fixed_point import quantize_multiplier, requantized
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.reference import run_alone
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import ReducerOptions

EXTREMES = ("REDUCE_MAX", "REDUCE_MIN")
KINDS = (*EXTREMES, "MEAN", "SUM")

_MOST_NUMBERS = 2**22
"""That LiteRT is given at once; a fraction of a second."""

Axes = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Reduce(Operation):
    """The base of the four.

    Attributes:
        axes: 1 for height, 2 for width, 3 for channels.
    """

    axes: Axes

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        if 1 in self.axes:
            return [Window((0,), 1, inputs[0].height)]
        return [Window(tuple(range(output.height)))]

    def sizes(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        """The members that all kernels begin with."""
        return {
            "rows": inputs[0].height if 1 in self.axes else 1,
            "width": inputs[0].width,
            "channels": inputs[0].channels,
            "over_width": int(2 in self.axes),
            "over_channels": int(3 in self.axes),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        rows = inputs[0].height if 1 in self.axes else 1
        columns = inputs[0].width if 2 in self.axes else 1
        lines = layer.elements * rows * columns
        return {
            "rows": output.height,
            "elements": layer.elements,
            "element_rows": layer.elements * rows,
            "lines": lines,
            "numbers": lines * (inputs[0].channels if 3 in self.axes else 1),
        }


@dataclass(frozen=True, eq=False)
class ReduceExtreme(Reduce):
    """The largest or the smallest step.

    Attributes:
        largest: whether it is the largest.
    """

    kernel = "reduce_extreme"
    label = "REDUCE_MAX"
    largest: bool

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {**self.sizes(inputs, output), "largest": int(self.largest)}


@dataclass(frozen=True, eq=False)
class ReduceSum(Reduce):
    """A sum, and what becomes of it.

    Attributes:
        sums: `[stairs]` int32, ascending: from this sum on ...
        steps: `[stairs]` int8: ... the output is this; the first stair begins below every sum.
    """

    kernel = "reduce_sum"
    label = "MEAN"
    sums: NDArray[np.int32]
    steps: NDArray[np.int8]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "sums": Array("sums", self.sums),
            "steps": Array("steps", self.steps),
            "stairs": len(self.sums),
            **self.sizes(inputs, output),
        }


@dataclass(frozen=True, eq=False)
class Total(ReduceSum):
    """The same for SUM."""

    label = "SUM"


def _axes(builder: Builder, op: Op) -> Axes:
    numbers = builder.constant(op, 1, "int32").ravel().tolist()
    axes = tuple(sorted({int(axis) % 4 for axis in numbers}))
    if not axes or 0 in axes:
        raise builder.refuse(op, f"it reduces the axes {numbers}", "reduce height, width and channels only")
    return axes


def lower(builder: Builder, op: Op) -> None:
    """Add one of the four."""
    builder.options(op, ReducerOptions)
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    axes = _axes(builder, op)
    lengths = {1: taken.height, 2: taken.width, 3: taken.channels}
    builder.expect_output(op, *(1 if axis in axes else n for axis, n in lengths.items()))
    if op.kind in EXTREMES:
        builder.expect_same_scale(op, taken, given)
        builder.add(op, ReduceExtreme(axes, op.kind == "REDUCE_MAX"), (source,))
        return
    count = math.prod(lengths[axis] for axis in axes)
    if count >= 2**23:
        raise builder.refuse(op, "its sums may leave 32 bits", "reduce fewer numbers")
    stairs = _Stairs(builder, op, axes, lengths).found()
    builder.add(op, (Total if op.kind == "SUM" else ReduceSum)(axes, *stairs), (source,))


@dataclass(frozen=True)
class _Stairs:
    """How LiteRT's kernel turns sums into steps, for an op over so many numbers."""

    builder: Builder
    op: Op
    axes: Axes
    lengths: Mapping[int, int]

    @property
    def count(self) -> int:
        return math.prod(self.lengths[axis] for axis in self.axes)

    def found(self) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """Where each stair begins, and its step.

        Raises:
            UserError: LiteRT does not take the op, or the output does not only go up, so that stairs may be missed.
        """
        low, high = -128 * self.count, 127 * self.count
        if (high - low + 1) * self.count <= _MOST_NUMBERS:
            sums = np.arange(low, high + 1)
            steps = self.steps(sums)
            begins = np.flatnonzero(np.diff(steps, prepend=steps[0] - 1) != 0)
            return sums[begins].astype(np.int32), steps[begins].astype(np.int8)
        return self._bisected(low, high)

    def _bisected(self, low: int, high: int) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
        """The same for too many sums to try them all: for each step, the first sum that makes it or more."""
        wanted, first, last = np.arange(-128, 128), np.full(256, low), np.full(256, high + 1)
        while (first < last).any():
            middle = (first + last) // 2
            reached = (self.steps(np.minimum(middle, high)) >= wanted) | (middle > high)
            last = np.where(reached, np.minimum(middle, last), last)
            first = np.where(reached, first, np.minimum(middle + 1, last))
        firsts, index = np.unique(last[::-1], return_index=True)
        steps = wanted[::-1][index]
        inside = firsts <= high
        sums, made = firsts[inside], steps[inside]
        self._check(low, high, sums, made)
        return sums.astype(np.int32), made.astype(np.int8)

    def _check(self, low: int, high: int, sums: NDArray[np.int64], made: NDArray[np.int64]) -> None:
        tried = np.unique(np.linspace(low, high, 257).astype(np.int64))
        expected = made[np.searchsorted(sums, tried, side="right") - 1]
        if not np.array_equal(self.steps(tried), expected):
            told = "its output does not only grow with its input"
            raise self.builder.refuse(self.op, told, "quantize it with an output scale that holds all its sums")

    def steps(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """What LiteRT makes of sums, some at a time.

        Of a SUM, what TensorFlow Lite Micro makes: LiteRT's reference kernel wraps around in 8 bits on its way.
        """
        if self.op.kind == "SUM":
            taken, given = (self.builder.plane(self.op, i) for i in (self.op.inputs[0], self.op.outputs[0]))
            factor = quantize_multiplier(taken.scale / given.scale)
            return np.clip(requantized(sums - self.count * taken.zero_point, *factor) + given.zero_point, -128, 127)
        most = max(1, _MOST_NUMBERS // self.count)
        parts = [self._steps(sums[i : i + most]) for i in range(0, len(sums), most)]
        return np.concatenate(parts).astype(np.int64)

    def _steps(self, sums: NDArray[np.int64]) -> NDArray[np.int8]:
        each, more = sums // self.count, sums % self.count  # so many numbers are one larger
        numbers = each[:, None] + (np.arange(self.count) < more[:, None])
        shape = [self.lengths[axis] if axis in self.axes else 1 for axis in (1, 2, 3)]
        free = next((axis for axis in (3, 2, 1) if axis not in self.axes), 0)  # if none is, a picture a sum
        if free == 0:
            return self._one(numbers.reshape(len(sums), *shape))
        steps = np.moveaxis(numbers.reshape(len(sums), *shape), 0, free - 1).reshape(self._with(shape, free, len(sums)))
        return self._one(steps).ravel()

    @staticmethod
    def _with(shape: Sequence[int], free: int, length: int) -> tuple[int, ...]:
        full = list(shape)
        full[free - 1] = length
        return (1, *full)

    def _one(self, steps: NDArray[np.int64]) -> NDArray[np.int8]:
        shape = [1 if axis in self.axes else n for axis, n in enumerate(steps.shape)]
        axes = np.array(self.axes, np.int32)
        result: NDArray[np.int8] = run_alone(self.builder, self.op, steps.astype(np.int8), shape, [axes]).ravel()
        return result
