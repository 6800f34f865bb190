"""The integer model inside a file: float and channels-first ends taken off, open sizes settled, versions lowered.

Converters put QUANTIZE and DEQUANTIZE, and for PyTorch's sake TRANSPOSE, around an int8 net. A microcontroller wants
the bytes between them. So everything that runs or compiles a model here looks inside first; every engine then gets the
same tensors, and `--exact` compares those.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.errors import UserError
from edgeblur.export.tflite.channels import TO_NCHW, TO_NHWC, channels_last
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.finder import MASK, finder_of
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor, read_file, read_tflite, told_outputs
from edgeblur.export.tflite.kernels import odd_op
from edgeblur.export.tflite.writer import op_code, op_table, pack, tensor_table

Size = tuple[int, int]
"""Height and width of a picture."""

OLDEST_SAME = {"DEPTH_TO_SPACE": 1, "TILE": 2}
"""Ops whose newer versions mean the same for int8, and which LiteRT's reference resolver knows in this version only."""

_STEPS = ("int8", "uint8", "int16")
_INTEGERS = ("int32", "int64")


@dataclass(frozen=True)
class Inside:
    """What `look_inside` found.

    Attributes:
        graph: the integer model; its name, digest and size are the file's.
        data: a .tflite of it that interpreters take; the file's own bytes where nothing had to change.
    """

    graph: Graph
    data: bytes


def look_inside(
    source: Path | bytes,
    *,
    size: Size | None = None,
    output: str | None = None,
    name: str | None = None,
    keep_ends: bool = False,
) -> Inside:
    """Read a .tflite and take off what converters put around the integer net.

    Args:
        source: a file, or the bytes of one.
        size: for a model whose height and width are open.
        output: of several, the one to keep: its name, or its number from 0; `MASK` cuts the mask part out of a mask
            head, the same weights bit for bit.
        name: what messages call the model, as `read_tflite` takes it.
        keep_ends: leave floats and channels first where they are.

    Raises:
        UserError: as `read_tflite`; its size is open and none was given, or given and fixed otherwise; or it has no
            such output.
    """
    graph = read_tflite(source, name=name)
    data = source if isinstance(source, bytes) else read_file(source)
    if _is_open(graph) or size is not None:
        graph, data = _settle(graph, data, size)
    if output == MASK and MASK not in graph.output_names and not detector_heads(graph):
        finder = finder_of(graph)
        return Inside(finder.graph, finder.data)
    whole = graph if output is None else _with_output(graph, output)
    inner = whole if keep_ends else without_ends(whole)
    if inner is not graph or any(op.version > OLDEST_SAME.get(op.kind, op.version) for op in graph.ops):
        data = _rewrite(data, graph, inner)
    return Inside(inner, data)


def read_settled(source: Path | bytes, *, name: str | None = None) -> Graph:
    """Read a .tflite; sizes that its file leaves open are those that LiteRT finds for one picture.

    A converter that was given no batch leaves the batch open, and with it, behind every TILE and RESHAPE, all sizes:
    what the file states for them is no size of anything.

    Args:
        source: a file, or the bytes of one.
        name: as `read_tflite` takes it.

    Raises:
        UserError: as `read_tflite`; its height and width are open.
    """
    graph = read_tflite(source, name=name)
    if not _is_open(graph):
        return graph
    return _settle(graph, source if isinstance(source, bytes) else read_file(source), None)[0]


def _with_output(graph: Graph, output: str) -> Graph:
    """A graph that ends with one of its outputs."""
    for number, (index, name) in enumerate(zip(graph.outputs, graph.output_names, strict=True)):
        if output in (str(number), name):
            return dataclasses.replace(graph, outputs=(index,), called=(name,))
    raise UserError(f"{graph.name} has no output {output!r}: choose among {told_outputs(graph)}")


# Ends


def without_ends(graph: Graph) -> Graph:
    """A graph that begins behind QUANTIZE and TRANSPOSE at its inputs and ends before those at its outputs.

    The tensors stay as they are; only ops at the ends go. The same graph comes back if there are none. Where channels
    come first and no TRANSPOSE says so, one is added.
    """
    ops, inputs, outputs = list(graph.ops), list(graph.inputs), list(graph.outputs)
    readers = Counter(i for op in ops for i in op.inputs) + Counter(outputs)
    turned = False
    while (op := _first(graph, ops, inputs, readers)) is not None:
        inputs[inputs.index(op.inputs[0])] = op.outputs[0]
        ops.remove(op)
        turned = turned or _permutation(graph, op) == TO_NHWC
    while (op := _last(graph, ops, outputs)) is not None:
        outputs = [op.inputs[0] if i == op.outputs[0] else i for i in outputs]
        if not any(op.outputs[0] in other.inputs for other in ops):
            ops.remove(op)
    if tuple(inputs) == graph.inputs and tuple(outputs) == graph.outputs:
        return channels_last(graph, turned=False)
    kept = tuple(dataclasses.replace(op, index=n) for n, op in enumerate(ops))
    inner = dataclasses.replace(graph, ops=kept, inputs=tuple(inputs), outputs=tuple(outputs))
    return channels_last(inner, turned=turned)


def _first(graph: Graph, ops: list[Op], inputs: list[int], readers: Counter[int]) -> Op | None:
    """An op that only turns an input into what the net computes with."""
    for op in ops:
        if op.outputs and op.inputs[:1] and op.inputs[0] in inputs and readers[op.inputs[0]] == 1:
            taken, given = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
            if op.kind == "QUANTIZE" and taken.dtype == "float32":
                return op
            if _moves(graph, op) and _permutation(graph, op) in (TO_NHWC, None) and given.shape[:1] == (1,):
                return op
    return None


def _last(graph: Graph, ops: list[Op], outputs: list[int]) -> Op | None:
    """An op that only turns what the net computes into an output; what else reads that output keeps the op."""
    written = {op.outputs[0]: op for op in ops if len(op.outputs) == 1}
    for index in outputs:
        op = written.get(index)
        if op is None or not op.inputs or op.inputs[0] == ABSENT:
            continue
        if graph.tensors[op.inputs[0]].data is not None or op.inputs[0] in graph.inputs:
            continue
        if op.kind == "DEQUANTIZE" and graph.tensors[op.inputs[0]].dtype in _STEPS:
            return op
        if _moves(graph, op) and _permutation(graph, op) in (TO_NCHW, None):
            return op
    return None


def _moves(graph: Graph, op: Op) -> bool:
    """Whether an op turns a picture between channels first and channels last, or adds or drops an axis of 1."""
    taken, given = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if op.kind == "TRANSPOSE":
        return len(taken.shape) == 4 and taken.shape[0] == 1
    if op.kind in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
        both = [tuple(n for n in t.shape if n != 1) for t in (taken, given)]
        return both[0] == both[1] and {len(taken.shape), len(given.shape)} == {3, 4}
    return False


def _permutation(graph: Graph, op: Op) -> tuple[int, ...] | None:
    """A TRANSPOSE's axes; None for other ops. An empty one if the file computes it, or has it in another type."""
    if op.kind != "TRANSPOSE":
        return None
    if len(op.inputs) < 2 or op.inputs[1] == ABSENT:
        return ()
    axes = graph.tensors[op.inputs[1]].integers()
    return () if axes is None else tuple(axes.ravel().tolist())


# Sizes


def _is_open(graph: Graph) -> bool:
    """Whether a size is to be found out: any but that of a batch, which is one picture."""
    open_axes = ((tensor, axis) for tensor in graph.tensors for axis, n in enumerate(tensor.signature) if n < 0)
    return any(axis > 0 or tensor.shape[:1] != (1,) for tensor, axis in open_axes)


def parse_size(text: str) -> Size:
    """`96x128` as height and width.

    Raises:
        UserError: it is not two positive numbers.
    """
    if (match := re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())) is None or not all(map(int, match.groups())):
        raise UserError(f"the size {text!r} is not HEIGHTxWIDTH in pixels: write it as in 96x128")
    return int(match[1]), int(match[2])


def _fixed_shape(graph: Graph, tensor: Tensor, size: Size | None) -> tuple[int, ...]:
    """An input's shape with its open axes filled in; a file that has no size of its own says -1 for both."""
    shape = list(tensor.signature)
    told = "x".join("?" if n < 0 else str(n) for n in shape)
    if shape and shape[0] < 0:
        shape[0] = 1
    axes = [2, 3] if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 2, 3, 4) else [1, 2]
    if len(shape) != 4:
        axes = []
    for axis, length in zip(axes, size or (), strict=False):
        if shape[axis] not in (-1, length):
            raise UserError(
                f"the input of {graph.name} is {told}, which does not leave {size} open: leave the size out",
                options=("size",),
            )
        shape[axis] = length
    if min(shape, default=1) < 0:
        raise UserError(
            f"the input of {graph.name} is {told}: give its height and width, as in 96x128", options=("size",)
        )
    return tuple(shape)


def _settle(graph: Graph, data: bytes, size: Size | None) -> tuple[Graph, bytes]:
    """A graph whose every tensor has the size that it has when the model runs, as LiteRT works it out.

    What the file computes of sizes only is constant then.
    """
    shapes = {i: _fixed_shape(graph, graph.tensors[i], size) for i in graph.inputs}
    sizes, values = _run_once(graph, _rewrite(data, graph, graph), shapes, _from_sizes(graph))
    tensors = []
    for tensor in graph.tensors:
        shape = sizes.get(tensor.index, tensor.shape) if tensor.data is None else tensor.shape
        known = values.get(tensor.index)
        tensors.append(dataclasses.replace(tensor, shape=shape, signature=shape, data=known or tensor.data))
    ops = [op for op in graph.ops if not all(i in values for i in op.outputs)]
    numbered = tuple(dataclasses.replace(op, index=n) for n, op in enumerate(ops))
    settled = dataclasses.replace(graph, tensors=tuple(tensors), ops=numbered)
    return settled, _rewrite(data, graph, settled)


def _from_sizes(graph: Graph) -> list[int]:
    """Tensors of integers that depend on sizes alone, through SHAPE or on constants."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None} | {ABSENT}
    found: list[int] = []
    for op in graph.ops:
        integers = all(graph.tensors[i].dtype in _INTEGERS for i in op.outputs)
        if integers and (op.kind == "SHAPE" or all(i in known for i in op.inputs)):
            known.update(op.outputs)
            found += op.outputs
    return found


def _run_once(
    graph: Graph, data: bytes, shapes: dict[int, tuple[int, ...]], wanted: list[int]
) -> tuple[dict[int, tuple[int, ...]], dict[int, bytes]]:
    """The shapes of all tensors after a run on zeros, and the values of some."""
    if (odd := odd_op(graph)) is not None:  # of which the interpreter, and this process with it, may die
        raise UserError(
            f"{graph.name} has an open size, and {odd.kind} number {odd.index} scales too far apart to run it: "
            "convert it with a fixed size, and quantize it with typical pictures"
        )
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = Interpreter(
            model_content=data, experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=True
        )
        for index, shape in shapes.items():
            interpreter.resize_tensor_input(index, shape)
        interpreter.allocate_tensors()
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise UserError(
            f"{graph.name} does not run at {next(iter(shapes.values()))}: {told}; try another size",
            options=("size",),
        ) from error
    details = {d["index"]: tuple(int(n) for n in d["shape"]) for d in interpreter.get_tensor_details()}
    values = {i: np.ascontiguousarray(interpreter.get_tensor(i)).tobytes() for i in wanted}
    return {i: details[i] for i in range(len(graph.tensors)) if i in details}, values


# The file


def _rewrite(data: bytes, graph: Graph, inner: Graph) -> bytes:
    """The file with another graph's ends, sizes, constants, fewer ops and some at the ends; metadata goes."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data))
    main = model.subgraphs[0]
    written_ops = {op.outputs: written for op, written in zip(graph.ops, main.operators, strict=True)}
    main.operators = [written_ops.get(op.outputs) or _new_op(schema, model, op) for op in inner.ops]
    main.inputs, main.outputs = np.array(inner.inputs, np.int32), np.array(inner.outputs, np.int32)
    main.tensors += [_new_tensor(schema, model, tensor) for tensor in inner.tensors[len(graph.tensors) :]]
    for before, after, written in zip(graph.tensors, inner.tensors, main.tensors, strict=False):
        if (before.shape, before.signature) != (after.shape, after.signature):
            written.shape, written.shapeSignature = np.array(after.shape, np.int32), None
        if before.data is None and after.data is not None:
            written.buffer = len(model.buffers)
            model.buffers.append(_buffer(schema, after.data))
    _lower_versions(schema, model)
    model.metadata, model.metadataBuffer, model.signatureDefs = None, None, None
    return pack(model)


def _new_op(schema: Any, model: Any, op: Op) -> Any:
    model.operatorCodes.append(op_code(schema, op.kind, op.version))
    return op_table(schema, op, len(model.operatorCodes) - 1)


def _new_tensor(schema: Any, model: Any, tensor: Tensor) -> Any:
    if tensor.data is None:
        return tensor_table(schema, tensor, 0)
    model.buffers.append(_buffer(schema, tensor.data))
    return tensor_table(schema, tensor, len(model.buffers) - 1)


def _buffer(schema: Any, data: bytes) -> Any:
    table = schema.BufferT()
    table.data = np.frombuffer(data, np.uint8)
    return table


def _lower_versions(schema: Any, model: Any) -> None:
    oldest = {getattr(schema.BuiltinOperator, kind): version for kind, version in OLDEST_SAME.items()}
    for code in model.operatorCodes:
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        code.version = min(code.version, oldest.get(kind, code.version))
