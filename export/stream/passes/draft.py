"""A graph while a pass changes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.options import Options


class Draft:
    """Tensors of a graph with more behind them, and ops in a new order.

    Attributes:
        tensors: by index, those of the graph first.
        ops: written so far.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.tensors = list(graph.tensors)
        self.ops: list[Op] = []

    def constant(self, values: NDArray[Any], like: Tensor | None = None) -> int:
        """A constant; its quantization is another tensor's."""
        tensor = Tensor(len(self.tensors), "", values.shape, values.shape, values.dtype.name, (), (), 0, None)
        if like is not None:
            tensor = dataclasses.replace(
                tensor, name=like.name, scales=like.scales, zero_points=like.zero_points,
                quantized_dimension=like.quantized_dimension,
            )  # fmt: skip
        return self._add(dataclasses.replace(tensor, data=np.ascontiguousarray(values).tobytes()))

    def like(self, tensor: Tensor, shape: Sequence[int]) -> int:
        """A tensor of another shape, else as one that is there."""
        return self._add(dataclasses.replace(tensor, shape=tuple(shape), signature=tuple(shape), data=None))

    def reshape(self, index: int, shape: Sequence[int]) -> None:
        """Give a tensor another shape."""
        self.tensors[index] = dataclasses.replace(self.tensors[index], shape=tuple(shape), signature=tuple(shape))

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(dataclasses.replace(tensor, index=len(self.tensors)))
        return len(self.tensors) - 1

    def keep(self, op: Op) -> None:
        """Take an op over as it is."""
        self.ops.append(op)

    def op(
        self, source: Op, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Options | None = None
    ) -> None:
        """Write an op in place of one of the graph's, whose place refusals will name."""
        self.ops.append(Op(source.index, kind, 1, tuple(inputs), tuple(outputs), options))

    def graph(self, outputs: Sequence[int] | None = None) -> Graph:
        """The graph as it is now."""
        ends = self._graph.outputs if outputs is None else tuple(outputs)
        return dataclasses.replace(self._graph, tensors=tuple(self.tensors), ops=tuple(self.ops), outputs=ends)


def data_inputs(graph: Graph, op: Op) -> list[int]:
    """The inputs of an op that are computed."""
    return [i for i in op.inputs if i != ABSENT and graph.tensors[i].data is None]
