"""SPACE_TO_DEPTH: blocks of pixels to channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work, copied
from edgeblur.export.stream.net.net import Field, Operation, Plane, Window
from edgeblur.export.stream.ops.depth_to_space import checked_block
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.options import SpaceToDepthOptions


@dataclass(frozen=True, eq=False)
class SpaceToDepth(Operation):
    """Each block of `block` x `block` pixels becomes one pixel.

    Attributes:
        block: side of a block, in pixels.
    """

    kernel = "space_to_depth"
    label = "SPACE_TO_DEPTH"
    block: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(y * self.block for y in range(output.height)), 1, self.block)]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {"out_width": output.width, "in_channels": inputs[0].channels, "block": self.block}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        return copied(layer, layer.pixels * self.block)


def lower(builder: Builder, op: Op) -> None:
    """Add a SPACE_TO_DEPTH."""
    block = checked_block(builder, op, builder.options(op, SpaceToDepthOptions).block_size)
    source, taken = builder.source(op, 0), builder.plane(op, op.inputs[0])
    if taken.height % block or taken.width % block:
        told = f"its input of {taken.height}x{taken.width} does not fall into blocks of {block}x{block}"
        raise builder.refuse(op, told, f"make both sides a multiple of {block}")
    builder.expect_output(op, taken.height // block, taken.width // block, taken.channels * block**2)
    builder.expect_same_scale(op, taken, builder.plane(op, op.outputs[0]))
    builder.add(op, SpaceToDepth(block), (source,))
