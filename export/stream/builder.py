"""What the operators share while a .tflite graph becomes a net: nodes made so far, checks, refusals."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.cost import layer_name
from edgeblur.export.stream.fixed_point import ACTIVATIONS
from edgeblur.export.stream.net import Net, Node, Operation, Plane
from edgeblur.export.tflite import ABSENT, Graph, Op, Tensor

_LONGEST_SIDE = 32767
"""Kernels count in 16 bits."""


def _plane(tensor: Tensor) -> Plane:
    _, height, width, channels = tensor.shape
    return Plane(tensor.name, height, width, channels, tensor.dtype, tensor.scales[0], tensor.zero_points[0])


class Builder:
    """A net in the making. A tensor is one node's plane, or, after a concatenation, several side by side."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node] = []
        self._parts: dict[int, tuple[int, ...]] = {}
        self._readers = Counter(i for op in graph.ops for i in op.inputs if i != ABSENT) + Counter(graph.outputs)

    # Reading the graph

    def tensor(self, op: Op, position: int) -> Tensor | None:
        """An op's input; None if it is left out."""
        index = op.inputs[position] if position < len(op.inputs) else ABSENT
        return None if index == ABSENT else self.graph.tensors[index]

    def constant(self, op: Op, position: int, dtype: str) -> NDArray[Any]:
        """An op's constant input, of the type that it must have.

        Raises:
            UserError: it is computed, missing or of another type.
        """
        tensor = self.tensor(op, position)
        if tensor is None or tensor.data is None:
            raise self.refuse(op, f"its input {position} is not a constant", "make it one when you convert the model")
        if tensor.dtype != dtype:
            raise self.refuse(op, f"its constant {tensor.name!r} is {tensor.dtype}", f"quantize it to {dtype}")
        return tensor.array()

    def plane(self, op: Op, index: int) -> Plane:
        """A tensor as rows.

        Raises:
            UserError: it is not `[1, height, width, channels]` with one scale for all channels.
        """
        tensor = self.graph.tensors[index]
        shape = "x".join(map(str, tensor.shape)) or "a single number"
        if len(tensor.shape) != 4 or tensor.shape[0] != 1 or min(tensor.shape) < 1:
            raise self.refuse(
                op, f"its tensor {tensor.name!r} is {shape}", "it should be 1 x height x width x channels"
            )
        if max(tensor.shape) > _LONGEST_SIDE or tensor.shape[2] * tensor.shape[3] > 2**24:
            raise self.refuse(op, f"its tensor {tensor.name!r} is {shape}", f"sizes go up to {_LONGEST_SIDE}")
        if tensor.dtype not in ("int8", "uint8") or len(tensor.scales) != 1 or not tensor.scales[0] > 0:
            what = f"{tensor.dtype} with {len(tensor.scales)} scales"
            raise self.refuse(op, f"its tensor {tensor.name!r} is {what}", "quantize it to int8 with one scale")
        return _plane(tensor)

    def activation(self, op: Op, name: str) -> str:
        """Check a fused activation; returns it.

        Raises:
            UserError: TensorFlow Lite's integer kernels have none of that name.
        """
        if name not in ACTIVATIONS:
            raise self.refuse(op, f"its fused activation {name} has no integer kernel", "make it an op of its own")
        return name

    def refuse(self, op: Op, what: str, instead: str) -> UserError:
        """The error for an op that cannot be streamed: its place, what came, what to do."""
        name = layer_name(self.graph, op)
        return UserError(f"{self.graph.name} cannot be streamed: op {op.index} ({op.kind} {name!r}): {what}; {instead}")

    # Building the net

    def parts(self, op: Op, position: int) -> tuple[int, ...]:
        """The nodes that an op's input consists of, side by side along the channels.

        Raises:
            UserError: the input is a constant or was left out.
        """
        tensor = self.tensor(op, position)
        if tensor is None or tensor.index not in self._parts:
            raise self.refuse(op, f"its input {position} is not computed from the picture", "fold it away")
        return self._parts[tensor.index]

    def source(self, op: Op, position: int) -> int:
        """The one node that makes an op's input; several side by side are joined first.

        Raises:
            UserError: as `parts`.
        """
        parts = self.parts(op, position)
        if len(parts) == 1:
            return parts[0]
        from edgeblur.export.stream.ops.concatenation import Concatenate  # it imports this module

        plane = self.plane(op, op.inputs[position])
        joined = self._append(Node(f"{layer_name(self.graph, op)}_joined", Concatenate(), parts, plane))
        self._parts[op.inputs[position]] = (joined,)
        return joined

    def add_picture(self, index: int) -> None:
        """Make the node of the picture that comes in."""
        self._parts[index] = (self._append(Node("picture", None, (), _plane(self.graph.tensors[index]))),)

    def add(self, op: Op, operation: Operation, inputs: Sequence[int], *, table: bytes | None = None) -> None:
        """Make the node of an op."""
        plane = self.plane(op, op.outputs[0])
        node = Node(layer_name(self.graph, op), operation, tuple(inputs), plane, table)
        self._parts[op.outputs[0]] = (self._append(node),)

    def alias(self, op: Op, parts: Sequence[int]) -> None:
        """Let an op vanish: its output is what these nodes make."""
        self._parts[op.outputs[0]] = tuple(parts)

    def fuse_table(self, op: Op, table: bytes) -> bool:
        """Let the node before an op look its bytes up in a table, if nobody else wants them as they were.

        Returns:
            Whether that was done.
        """
        parts = self.parts(op, 0)
        if len(parts) != 1 or parts[0] == 0 or self._readers[op.inputs[0]] != 1:
            return False
        node = self.nodes[parts[0]]
        before = np.frombuffer(node.table or bytes(range(256)), np.uint8)
        both = np.frombuffer(table, np.uint8)[before].tobytes()
        self.nodes[parts[0]] = dataclasses.replace(node, plane=self.plane(op, op.outputs[0]), table=both)
        self._parts[op.outputs[0]] = parts
        return True

    def net(self) -> Net:
        """The finished net.

        Raises:
            UserError: the output is not computed from the picture.
        """
        parts = self._parts.get(self.graph.outputs[0])
        if parts is None:
            raise UserError(f"{self.graph.name} cannot be streamed: its output does not come from the picture")
        return Net(self.graph.name, self._ending_with(parts))

    def _ending_with(self, parts: tuple[int, ...]) -> tuple[Node, ...]:
        """All nodes that matter for the output, which is the last and read by none."""
        read = {i for node in self.nodes for i in node.inputs}
        if len(parts) > 1 or parts[0] == 0 or parts[0] in read:
            from edgeblur.export.stream.ops.concatenation import Concatenate

            plane = _plane(self.graph.tensors[self.graph.outputs[0]])
            parts = (self._append(Node("output", Concatenate(), parts, plane)),)
        return reachable(self.nodes, parts[0])

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def reachable(nodes: Sequence[Node], output: int) -> tuple[Node, ...]:
    """The nodes that a node depends on, numbered anew: the picture first, that node last, inputs before readers."""
    kept = {0, output}
    for i in range(output, -1, -1):
        if i in kept:
            kept.update(nodes[i].inputs)
    number = {old: new for new, old in enumerate(sorted(kept))}
    return tuple(
        dataclasses.replace(nodes[old], inputs=tuple(number[i] for i in nodes[old].inputs)) for old in sorted(kept)
    )
