"""DEPTH_TO_SPACE: channels to blocks of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import LONGEST_SIDE, Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import DepthToSpaceOptions


@dataclass(frozen=True, eq=False)
class DepthToSpace(Operation):
    """Each input pixel becomes a block of `block` x `block` pixels.

    Attributes:
        block: side of a block, in pixels.
    """

    kernel = "depth_to_space"
    label = "DEPTH_TO_SPACE"
    block: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(y // self.block for y in range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {"in_width": inputs[0].width, "out_channels": output.channels, "block": self.block}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        return copied(Layer(self, tuple(inputs), output), output.height * inputs[0].width)


def checked_block(builder: Builder, op: Op, block: int) -> int:
    """A block's side.

    Raises:
        UserError: it is out of range.
    """
    if not 1 <= block <= LONGEST_SIDE:
        raise builder.refuse(op, f"its block size is {block}", f"it goes from 1 to {LONGEST_SIDE}")
    return block


def lower(builder: Builder, op: Op) -> None:
    """Add a DEPTH_TO_SPACE."""
    block = checked_block(builder, op, builder.options(op, DepthToSpaceOptions).block_size)
    source, taken = builder.source(op, 0), builder.plane(op, op.inputs[0])
    if taken.channels % block**2:
        told = f"its input's {taken.channels} channels do not fill blocks of {block}x{block}"
        raise builder.refuse(op, told, f"make them a multiple of {block**2}")
    builder.expect_output(op, taken.height * block, taken.width * block, taken.channels // block**2)
    builder.expect_same_scale(op, taken, builder.plane(op, op.outputs[0]))
    builder.add(op, DepthToSpace(block), (source,))
