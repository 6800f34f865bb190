"""What the tensors of a float .tflite hold on calibration pictures, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.quantize.interpreter import keeping_interpreter

Floats = NDArray[np.floating[Any]]

PERCENTILE = 97.0
"""Of the extremes of single pictures: what a tensor reaches in the wildest three of a hundred is cut off, so that the
others get finer steps. On the faces of 448 pictures a BlazeFace kept more than with 100, 99 and 95."""


class KeptRun:
    """An interpreter whose every tensor can be read after a run."""

    def __init__(self, graph: Graph) -> None:
        self._interpreter = keeping_interpreter(write_tflite(graph), threads=1)
        self._input = graph.inputs[0]

    def run(self, picture: NDArray[Any]) -> None:
        """One picture, `[1, height, width, channels]` in the net's own type."""
        self._interpreter.set_tensor(self._input, picture)
        self._interpreter.invoke()

    def get(self, index: int) -> NDArray[Any]:
        """A tensor after `run`, in its own numbers: a copy."""
        numbers: NDArray[Any] = self._interpreter.get_tensor(index)
        return numbers


@dataclass(frozen=True, eq=False)
class Ranges:
    """Extremes by tensor, `[pictures, channels]`: of each picture, in each channel."""

    low: dict[int, Floats]
    high: dict[int, Floats]

    def of(self, index: int) -> tuple[float, float]:
        """From where to where a tensor goes, 0 always among it."""
        low = np.percentile(self.low[index].min(axis=1), 100 - PERCENTILE)
        high = np.percentile(self.high[index].max(axis=1), PERCENTILE)
        return min(0.0, float(low)), max(0.0, float(high))

    def peaks(self, index: int) -> Floats:
        """The largest size that each channel reaches."""
        peaks: Floats = np.maximum(np.abs(self.low[index]), np.abs(self.high[index])).max(axis=0)
        return peaks


def find_ranges(graph: Graph, pictures: Sequence[Floats]) -> Ranges:
    """Run pictures through a float net.

    Args:
        graph: all of whose ops output `[1, height, width, channels]` floats.
        pictures: each `[1, height, width, channels]` float32 as the net takes it.
    """
    run, low, high = KeptRun(graph), dict[int, list[Floats]](), dict[int, list[Floats]]()
    for picture in pictures:
        run.run(picture)
        for op in graph.ops:
            index = op.outputs[0]
            numbers = run.get(index).reshape(-1, graph.tensors[index].shape[-1])
            low.setdefault(index, []).append(numbers.min(axis=0))
            high.setdefault(index, []).append(numbers.max(axis=0))
    return Ranges(
        {index: np.stack(kept) for index, kept in low.items()}, {index: np.stack(kept) for index, kept in high.items()}
    )
