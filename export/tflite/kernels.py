"""LiteRT's own kernels on small models: what a few ops make of some numbers, found out while a net is compiled.

An interpreter does not refuse all that it cannot take: where scales lie too far apart (an ADD whose output's step is
2**19 times smaller than an input's, say) or a constant has nine axes, a failed check in it ends the whole process. So
ops that no trained net has so run in a process of their own.
"""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.writer import write_tflite

REFERENCE, OTHERS = "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
"""Which kernels: the reference, or those that LiteRT has besides (of ELU and ROUND these alone)."""

_SMALLEST, _LARGEST, _APART = 2.0**-24, 2.0**8, 2.0**12
"""Of usual scales, and how many times the smallest the largest may be; tests run every kind of op at the corners."""
_LARGEST_SQUARE = 2.0**10
"""Of an input's scale, in those of the output, where an op squares."""
_MOST_AXES = 8
"""LiteRT's MAXIMUM, MINIMUM and SQUARED_DIFFERENCE end the process at nine (2.3.0)."""

_LIMIT_S = 60
_STEPS = ("int8", "uint8")

_CHILD = """
import sys
from edgeblur.export.tflite.kernels import answer
sys.exit(answer())
"""
_REFUSED = 3  # exit status


def run_kernels(graph: Graph, inputs: Sequence[NDArray[Any]], kernels: str = REFERENCE) -> NDArray[Any]:
    """What a small graph makes of its inputs: its output.

    Args:
        graph: a few ops.
        inputs: in the order of the graph's.
        kernels: `REFERENCE` or `OTHERS`.

    Raises:
        RuntimeError, ValueError: LiteRT does not take it, or died of it.
    """
    model = write_tflite(graph)
    return (_run if is_usual(graph.tensors, graph.ops) else _run_apart)(model, inputs, kernels)


def is_usual(tensors: Sequence[Tensor], ops: Sequence[Op]) -> bool:
    """Whether all scales, zero points, options and numbers of axes are as trained nets have them."""
    if any(len(tensor.shape) > _MOST_AXES for tensor in tensors):
        return False
    quantized = [tensor for tensor in tensors if tensor.dtype in _STEPS]
    if any(len(tensor.scales) != 1 for tensor in quantized) or any(tensor.dtype == "int16" for tensor in tensors):
        return False  # an ADD of 16 bits may die of equal scales
    scales = [tensor.scales[0] for tensor in quantized]
    centred = all(abs(tensor.zero_points[0]) < 2**15 for tensor in quantized)
    plain = all(abs(number) <= _LARGEST for number in _floats(ops))
    return _near(scales) and centred and plain and not any(_is_odd(tensors, op) for op in ops)


def odd_op(graph: Graph) -> Op | None:
    """The first op, of 8 bits, whose scales are such that an interpreter may die of it."""
    return next((op for op in graph.ops if _is_odd(graph.tensors, op)), None)


def _is_odd(tensors: Sequence[Tensor], op: Op) -> bool:
    ends = [tensors[i] for i in (*op.inputs, *op.outputs) if i != ABSENT]
    scales = [end.scales[0] for end in ends if end.dtype in _STEPS and len(end.scales) == 1 and _is_number(end)]
    if not _near(scales):
        return True
    return op.kind == "SQUARED_DIFFERENCE" and bool(scales) and max(scales) ** 2 > _LARGEST_SQUARE * scales[-1]


def _is_number(tensor: Tensor) -> bool:
    """Of a plane, or alone: weights may have any scale."""
    return tensor.data is None or tensor.elements == 1


def _near(scales: Sequence[float]) -> bool:
    if not scales:
        return True
    low, high = min(scales), max(scales)
    return all(map(np.isfinite, scales)) and low >= _SMALLEST and high <= min(_LARGEST, _APART * low)


def _floats(ops: Sequence[Op]) -> Iterator[float]:
    for op in ops:
        if op.options is not None:
            values = (getattr(op.options, field.name) for field in dataclasses.fields(op.options))
            yield from (value for value in values if isinstance(value, float))


def _run(model: bytes, inputs: Sequence[NDArray[Any]], kernels: str) -> NDArray[Any]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=getattr(OpResolverType, kernels))
    interpreter.allocate_tensors()
    for details, numbers in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], numbers)
    interpreter.invoke()
    made: NDArray[Any] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return made


def _run_apart(model: bytes, inputs: Sequence[NDArray[Any]], kernels: str) -> NDArray[Any]:
    question = io.BytesIO()
    np.savez(question, np.frombuffer(model, np.uint8), np.array(kernels), *inputs)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD], input=question.getvalue(), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it did not end within {_LIMIT_S} s") from None
    if done.returncode == _REFUSED:
        raise ValueError(done.stdout.decode(errors="replace"))
    if done.returncode:
        raise RuntimeError("its interpreter dies of such scales or shapes")
    made: NDArray[Any] = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    return made


def answer() -> int:
    """In the process apart: read a question, write its answer; the exit status."""
    question = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    model, kernels, *inputs = (question[name] for name in question.files)
    try:
        made = _run(model.tobytes(), inputs, str(kernels))
    except (RuntimeError, ValueError) as error:
        sys.stdout.write(str(error))
        return _REFUSED
    written = io.BytesIO()
    np.save(written, made)
    sys.stdout.buffer.write(written.getvalue())
    return 0
