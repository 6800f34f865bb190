"""PAD and PADV2: rows, columns and channels of one value around a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import ABSENT, Op

KINDS = ("PAD", "PADV2")


@dataclass(frozen=True, eq=False)
class Pad(Operation):
    """A plane with a border.

    Attributes:
        top, left, front: rows above, columns at the left, channels before the plane's own.
        value: the border's step.
    """

    kernel = "pad"
    label = "PAD"
    top: int
    left: int
    front: int
    value: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(-self.top, output.height - self.top)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "in_width": inputs[0].width,
            "in_channels": inputs[0].channels,
            "out_width": output.width,
            "out_channels": output.channels,
            "left": self.left,
            "front": self.front,
            "value": self.value,
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work | None:
        layer = Layer(self, tuple(inputs), output)
        whole = layer.number("in_channels") == layer.number("out_channels")
        return copied(layer, output.height * (2 if whole else 1 + layer.number("in_width")))


def _read_paddings(builder: Builder, op: Op) -> list[tuple[int, int]]:
    """Before and after, for height, width and channels."""
    paddings = builder.constant(op, 1, "int32", "int64")
    if paddings.shape != (4, 2) or paddings.min() < 0 or paddings[0].any():
        told = f"its paddings are {paddings.tolist()}"
        raise builder.refuse(op, told, "pad height, width and channels by 0 or more, and nothing else")
    return [(int(before), int(after)) for before, after in paddings[1:]]


def _read_value(builder: Builder, op: Op, given: Plane) -> int:
    """The border's step; what stands for 0.0 if the op does not say."""
    if len(op.inputs) < 3 or op.inputs[2] == ABSENT:
        return given.zero_point
    value = builder.constant(op, 2, builder.dtypes[0])
    quantization = builder.quantization(op, builder.graph.tensors[op.inputs[2]])
    if value.size != 1 or quantization != (given.scale, given.zero_point):
        told = f"the value that it pads with is {value.size} numbers of another scale than its output"
        raise builder.refuse(op, told, "pad with one number, quantized as the output is")
    return int(value.item())


def lower(builder: Builder, op: Op, operation: type[Pad] = Pad) -> None:
    """Add a PAD or a PADV2."""
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    builder.expect_same_scale(op, taken, given)
    (top, bottom), (left, right), (front, back) = _read_paddings(builder, op)
    size = (taken.height + top + bottom, taken.width + left + right, taken.channels + front + back)
    builder.expect_output(op, *size)
    builder.add(op, operation(top, left, front, _read_value(builder, op, given)), (source,))
