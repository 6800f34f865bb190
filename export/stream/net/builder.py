"""What the operators share while a .tflite graph becomes a net: nodes made so far, checks, refusals."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import Unsupported
from edgeblur.export.stream.net.concatenate import joining
from edgeblur.export.stream.net.fixed_point import ACTIVATIONS
from edgeblur.export.stream.net.net import WIDE, Net, Node, Operation, Plane
from edgeblur.export.tflite.cost import layer_name
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor

LONGEST_SIDE = 32767
"""Kernels count in 16 bits."""

_BYTES = ("int8", "uint8")
_WIDE = (WIDE,)
_NUMBERS = ("int32", "int64")
"""What ARG_MAX gives; no op reads it."""

_Options = TypeVar("_Options")


def _plane(tensor: Tensor) -> Plane:
    _, height, width, channels = tensor.shape
    scale, zero_point = (tensor.scales[0], tensor.zero_points[0]) if tensor.scales else (1.0, 0)
    return Plane(tensor.name, height, width, channels, tensor.dtype, scale, zero_point)


def told_shape(shape: Sequence[int]) -> str:
    """A shape as people write it: `1x128x128x3`."""
    return "x".join(map(str, shape)) or "a single number"


def _fault(tensor: Tensor, dtypes: Sequence[str]) -> tuple[str, str] | None:
    """What keeps a tensor from being rows of such numbers, and what to do about it; None if nothing does."""
    shape = told_shape(tensor.shape)
    if len(tensor.shape) != 4 or tensor.shape[0] != 1 or min(tensor.shape) < 1:
        return f"its tensor {tensor.name!r} is {shape}", "it should be 1 x height x width x channels"
    if max(tensor.shape) > LONGEST_SIDE or tensor.shape[2] * tensor.shape[3] > 2**24:
        return f"its tensor {tensor.name!r} is {shape}", f"sizes go up to {LONGEST_SIDE}, rows to 16 MiB"
    if tensor.dtype in _NUMBERS and tensor.dtype in dtypes:
        return None
    if tensor.dtype not in dtypes or len(tensor.scales) != 1:
        what = f"{tensor.dtype} with {len(tensor.scales)} scales"
        return f"its tensor {tensor.name!r} is {what}", f"quantize it to {dtypes[0]} with one scale"
    limits, (scale,), (zero_point,) = np.iinfo(tensor.dtype), tensor.scales, tensor.zero_points
    if not 0 < scale < math.inf or not limits.min <= zero_point <= limits.max:
        what = f"scale {scale:g} and zero point {zero_point}"
        return f"its tensor {tensor.name!r} has {what}", "quantize the model anew"
    if tensor.dtype == WIDE and zero_point:
        what = f"is {WIDE} with zero point {zero_point}"
        return f"its tensor {tensor.name!r} {what}", "quantize the model anew: of 16 bits, 0 means 0.0"
    return None


class RefusedError(Unsupported):
    """An op cannot be streamed.

    Attributes:
        sentence: the error's text without the model's name.
        op_index: the op's place in its graph.
    """

    def __init__(self, text: str, sentence: str, op_index: int) -> None:
        super().__init__(text)
        self.sentence = sentence
        self.op_index = op_index


class Builder:
    """A net in the making. A tensor is one node's plane, or, after a concatenation, several side by side.

    Attributes:
        graph: what it is made of.
        dtypes: of its planes, the usual one first: bytes, or 16 bits if such a picture comes in.
        nodes: so far.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.dtypes = _WIDE if graph.tensors[graph.inputs[0]].dtype == WIDE else _BYTES
        self.nodes: list[Node] = []
        self._parts: dict[int, tuple[int, ...]] = {}
        self._shared: set[int] = set()  # nodes that two tensors are names of, and both have readers
        self._readers = Counter(i for op in graph.ops for i in op.inputs if i != ABSENT) + Counter(graph.outputs)

    # Reading the graph

    def tensor(self, op: Op, position: int) -> Tensor | None:
        """An op's input; None if it is left out."""
        index = op.inputs[position] if position < len(op.inputs) else ABSENT
        return None if index == ABSENT else self.graph.tensors[index]

    def constant(self, op: Op, position: int, *dtypes: str) -> NDArray[Any]:
        """An op's constant input, of a type that it may have.

        Raises:
            Unsupported: it is computed, missing, sparse or of another type.
        """
        tensor = self.tensor(op, position)
        if tensor is None or tensor.data is None:
            raise self.refuse(op, f"its input {position} is not a constant", "make it one when you convert the model")
        if tensor.dtype not in dtypes:
            raise self.refuse(op, f"its constant {tensor.name!r} is {tensor.dtype}", f"it should be {dtypes[0]}")
        if len(tensor.data) != math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize:
            raise self.refuse(op, f"its constant {tensor.name!r} is sparse", "convert the model without sparsity")
        return tensor.array()

    def sizes(self, op: Op, position: int) -> tuple[int, ...] | None:
        """An op's input that tells a size; None if the model computes it, for then the tensors' own shapes tell.

        Raises:
            Unsupported: it is missing, or no list of integers.
        """
        tensor, integers = self.tensor(op, position), ("int32", "int64")
        if tensor is not None and tensor.data is None and tensor.dtype in integers:
            return None
        return tuple(int(n) for n in self.constant(op, position, *integers).ravel())

    def plane(self, op: Op, index: int, dtypes: Sequence[str] = ()) -> Plane:
        """A tensor as rows, of the net's usual type if none is given.

        Raises:
            Unsupported: it is not `[1, height, width, channels]` of such a type with one scale for all channels.
        """
        tensor = self.graph.tensors[index]
        if (fault := _fault(tensor, dtypes or self.dtypes[:1])) is not None:
            raise self.refuse(op, *fault)
        return _plane(tensor)

    def quantization(self, op: Op, constant: Tensor) -> tuple[float, int]:
        """Scale and zero point of a constant of the planes' type.

        Raises:
            Unsupported: it has none, or several.
        """
        limits = np.iinfo(self.dtypes[0])
        if len(constant.scales) == 1:
            (scale,), (zero_point,) = constant.scales, constant.zero_points
            if 0 < scale < math.inf and limits.min <= zero_point <= limits.max:
                return scale, zero_point
        told = f"its constant {constant.name!r} has {len(constant.scales)} scales, or one that is out of range"
        raise self.refuse(op, told, "quantize it with one scale")

    def options(self, op: Op, kind: type[_Options]) -> _Options:
        """An op's options.

        Raises:
            Unsupported: the file has none.
        """
        if not isinstance(op.options, kind):
            raise self.refuse(op, "it has no options, so that nobody knows what it does", "convert the model anew")
        return op.options

    def expect_output(self, op: Op, height: int, width: int, channels: int) -> None:
        """Check that an op's output has the size that its input and its options make.

        Raises:
            Unsupported: the file says otherwise.
        """
        shape, expected = self.graph.tensors[op.outputs[0]].shape, (1, height, width, channels)
        if shape != expected:
            told = f"its output should be {told_shape(expected)}, and the file says {told_shape(shape)}"
            raise self.refuse(op, told, "convert the model anew, with a fixed size")

    def expect_same_scale(self, op: Op, taken: Plane, given: Plane) -> None:
        """Check that an op which moves steps or takes means of them leaves their meaning as it is.

        Raises:
            Unsupported: input and output have different types, scales or zero points.
        """
        kinds = [(plane.dtype, plane.scale, plane.zero_point) for plane in (taken, given)]
        if kinds[0] != kinds[1]:
            raise self.refuse(op, "its input and output have different scales", "quantize it so that they share one")

    def activation(self, op: Op, name: str) -> str:
        """Check a fused activation; returns it.

        Raises:
            Unsupported: TensorFlow Lite's integer kernels have none of that name.
        """
        if name not in ACTIVATIONS:
            raise self.refuse(op, f"its fused activation {name} has no integer kernel", "make it an op of its own")
        return name

    def refuse(self, op: Op, what: str, instead: str) -> RefusedError:
        """The error for an op that cannot be streamed: its place, what came, what to do."""
        name = layer_name(self.graph, op)
        sentence = f"op {op.index} ({op.kind} {name!r}): {what}; {instead}"
        return RefusedError(f"{self.graph.name} cannot be streamed: {sentence}", sentence, op.index)

    # Building the net

    def parts(self, op: Op, position: int) -> tuple[int, ...]:
        """The nodes that an op's input consists of, side by side along the channels.

        Raises:
            Unsupported: the input is a constant or was left out.
        """
        tensor = self.tensor(op, position)
        if tensor is None or tensor.index not in self._parts:
            raise self.refuse(op, f"its input {position} is not computed from the picture", "fold it away")
        return self._parts[tensor.index]

    def source(self, op: Op, position: int) -> int:
        """The one node that makes an op's input; several side by side are joined first.

        Raises:
            Unsupported: as `parts`.
        """
        parts = self.parts(op, position)
        if len(parts) == 1:
            return parts[0]
        plane = self.plane(op, op.inputs[position], self.dtypes)
        joined = self._append(Node(f"{layer_name(self.graph, op)}_joined", joining(plane), parts, plane))
        self._parts[op.inputs[position]] = (joined,)
        return joined

    def add_picture(self, index: int) -> None:
        """Make the node of the picture that comes in.

        Raises:
            Unsupported: it is no `[1, height, width, channels]` of bytes, or of 16 bits, with one scale.
        """
        if (fault := _fault(self.graph.tensors[index], self.dtypes)) is not None:
            raise Unsupported(f"{self.graph.name} cannot be streamed: the picture that comes in: {'; '.join(fault)}")
        self._parts[index] = (self._append(Node("picture", None, (), _plane(self.graph.tensors[index]))),)

    def add(self, op: Op, operation: Operation, inputs: Sequence[int], *, table: bytes | None = None) -> None:
        """Make the node of an op."""
        plane = self.plane(op, op.outputs[0], (*self.dtypes, *_NUMBERS))
        node = Node(layer_name(self.graph, op), operation, tuple(inputs), plane, table)
        self._parts[op.outputs[0]] = (self._append(node),)

    def alias(self, op: Op, parts: Sequence[int]) -> None:
        """Let an op vanish: its output is what these nodes make."""
        if any(self._readers[index] > 1 for index in op.inputs):
            self._shared.update(parts)
        self._parts[op.outputs[0]] = tuple(parts)

    def fuse_table(self, op: Op, table: bytes) -> bool:
        """Let the node before an op look its bytes up in a table, if nobody else wants them as they were.

        Returns:
            Whether that was done.
        """
        parts = self.parts(op, 0)
        if len(parts) != 1 or parts[0] == 0 or parts[0] in self._shared or self._readers[op.inputs[0]] != 1:
            return False
        node = self.nodes[parts[0]]
        before = np.frombuffer(node.table or bytes(range(256)), np.uint8)
        both = np.frombuffer(table, np.uint8)[before].tobytes()
        self.nodes[parts[0]] = dataclasses.replace(node, plane=self.plane(op, op.outputs[0], _BYTES), table=both)
        self._parts[op.outputs[0]] = parts
        return True

    def net(self) -> Net:
        """The finished net.

        Raises:
            Unsupported: the output is not computed from the picture.
        """
        outputs = [self._parts[index] for index in self.graph.outputs if index in self._parts]
        if len(outputs) < len(self.graph.outputs):
            which = "its output does" if len(self.graph.outputs) == 1 else "some of its outputs do"
            raise Unsupported(f"{self.graph.name} cannot be streamed: {which} not come from the picture")
        return Net(self.graph.name, self._ending_with(outputs), len(outputs))

    def _ending_with(self, outputs: Sequence[tuple[int, ...]]) -> tuple[Node, ...]:
        """All nodes that matter for the outputs, which are the last. What else reads them is left out.

        Rows of an output go to the caller; where some are read here as well, or go out twice, the output is a copy.
        """
        given = Counter(i for parts in outputs for i in parts)
        read = {0}.union(*(self.nodes[n].inputs for n in _needed(self.nodes, list(given))))
        ends: list[int] = []
        for number, (index, parts) in enumerate(zip(self.graph.outputs, outputs, strict=True)):
            if len(parts) > 1 or parts[0] in read or given[parts[0]] > 1:
                name = "output" if len(outputs) == 1 else f"output {number}"
                plane = _plane(self.graph.tensors[index])
                ends.append(self._append(Node(name, joining(plane), parts, plane)))
            else:
                ends.append(parts[0])
        return reachable(self.nodes, ends)

    def _append(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def _needed(nodes: Sequence[Node], outputs: Sequence[int]) -> list[int]:
    """The nodes that some nodes depend on, and these; the picture always."""
    kept = {0, *outputs}
    for i in range(max(outputs), -1, -1):
        if i in kept:
            kept.update(nodes[i].inputs)
    return sorted(kept)


def reachable(nodes: Sequence[Node], outputs: Sequence[int]) -> tuple[Node, ...]:
    """The nodes that outputs depend on, numbered anew: the picture first, inputs before readers, the outputs last."""
    order = [*(n for n in _needed(nodes, outputs) if n not in outputs), *outputs]
    number = {old: new for new, old in enumerate(order)}
    return tuple(dataclasses.replace(nodes[old], inputs=tuple(number[i] for i in nodes[old].inputs)) for old in order)
