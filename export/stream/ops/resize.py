"""What both RESIZE ops share: the size that they are told."""

from __future__ import annotations

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.net import Plane
from edgeblur.export.tflite.graph import Op


def read_resize(builder: Builder, op: Op) -> tuple[int, Plane, Plane]:
    """The node that an op resizes, its plane and the op's output.

    Raises:
        UserError: the size that the op is told is not its output's.
    """
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    builder.expect_output(op, given.height, given.width, taken.channels)
    builder.expect_same_scale(op, taken, given)
    sizes = builder.sizes(op, 1)
    if sizes not in (None, (given.height, given.width)):
        told = f"it is told to make {sizes}, and the file says {given.height}x{given.width}"
        raise builder.refuse(op, told, "convert the model anew, with a fixed size")
    return source, taken, given
