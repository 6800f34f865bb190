"""Planes joined along the channels: for readers that cannot take the parts where they are, and for the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeblur.export.stream.net.net import WIDE, Array, Field, Operation, Plane, Window


@dataclass(frozen=True, eq=False)
class Concatenate(Operation):
    """Copies pixels of several planes side by side; of one plane, it is a plain copy."""

    kernel = "concatenation"
    label = "CONCATENATION"

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        """Of each part, the row at the same height."""
        return [Window(tuple(range(output.height)))] * len(inputs)

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        """As kernels/concatenation.c has them."""
        parts = np.array([plane.pixel_steps for plane in inputs], np.int16)
        return {"part_channels": Array("parts", parts), "parts": len(parts), "width": output.width}

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Mapping[str, float] | None:
        """Compilers spell out the loop over two parts, whose sizes are then constants."""
        pieces = output.height * output.width * len(inputs)
        several = "several" if len(inputs) > 2 else "pieces"
        return {"rows": output.height, several: pieces, "bytes": output.height * output.row_bytes}


@dataclass(frozen=True, eq=False)
class ConcatenateInt16(Concatenate):
    """The same with 16-bit planes."""

    kernel = "concatenation_int16"


def joining(plane: Plane) -> Concatenate:
    """What joins planes to this one, or copies one."""
    return ConcatenateInt16() if plane.dtype == WIDE else Concatenate()
