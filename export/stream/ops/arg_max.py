"""ARG_MAX and ARG_MIN over the channels of each pixel: which one is it, as int32 or int64; only as an output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Work
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op

KINDS = ("ARG_MAX", "ARG_MIN")
_TYPES = {"int32": 4, "int64": 8}


@dataclass(frozen=True, eq=False)
class ArgMax(Operation):
    """The first channel of the largest step, or of the smallest.

    Attributes:
        largest: whether it is the largest.
    """

    kernel = "arg_max"
    label = "ARG_MAX"
    largest: bool

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "width": output.width,
            "channels": inputs[0].channels,
            "number_bytes": _TYPES[output.dtype],
            "largest": int(self.largest),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        pixels = output.height * output.width
        return {"rows": output.height, "pixels": pixels, "numbers": pixels * inputs[0].channels}


def lower(builder: Builder, op: Op) -> None:
    """Add an ARG_MAX or an ARG_MIN."""
    source, taken = builder.source(op, 0), builder.plane(op, op.inputs[0])
    axes = [int(axis) % 4 for axis in builder.constant(op, 1, "int32", "int64").ravel()]
    if axes != [3]:
        raise builder.refuse(op, f"it looks along axis {axes}", "look along the channels, axis 3")
    builder.expect_output(op, taken.height, taken.width, 1)
    builder.add(op, ArgMax(op.kind == "ARG_MAX"), (source,))
