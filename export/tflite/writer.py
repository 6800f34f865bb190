"""`Graph` back to a .tflite file: the inverse of `read_tflite`, for the small models that edgeblur makes itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.options import ACCESSORS, ENUMS, Options

_SCHEMA_VERSION = 3


def _field(name: str) -> str:
    """`stride_h` as the binding's objects call it: `strideH`."""
    accessor = ACCESSORS.get(name, "".join(word.capitalize() for word in name.split("_")))
    return accessor[0].lower() + accessor[1:]


def _options(schema: Any, options: Options) -> Any:
    table = getattr(schema, f"{type(options).__name__}T")()
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name in ENUMS:
            value = getattr(getattr(schema, ENUMS[field.name]), value)
        setattr(table, _field(field.name), list(value) if isinstance(value, tuple) else value)
    return table


def _quantization(schema: Any, tensor: Tensor) -> Any:
    if not tensor.scales:
        return None
    table = schema.QuantizationParametersT()
    table.scale = np.array(tensor.scales, np.float32)
    table.zeroPoint = np.array(tensor.zero_points, np.int64)
    table.quantizedDimension = tensor.quantized_dimension
    return table


def tensor_table(schema: Any, tensor: Tensor, buffer: int) -> Any:
    """A tensor as the binding has it, with a buffer's number."""
    table = schema.TensorT()
    table.name = tensor.name
    table.shape = np.array(tensor.shape, np.int32)
    if tensor.signature != tensor.shape:
        table.shapeSignature = np.array(tensor.signature, np.int32)
    table.type = getattr(schema.TensorType, tensor.dtype.upper())
    table.buffer = buffer
    table.quantization = _quantization(schema, tensor)
    return table


def op_table(schema: Any, op: Op, code: int) -> Any:
    """An op as the binding has it, with the number of its kind."""
    table = schema.OperatorT()
    table.opcodeIndex = code
    table.inputs = np.array(op.inputs, np.int32)
    table.outputs = np.array(op.outputs, np.int32)
    if op.options is not None:
        table.builtinOptionsType = getattr(schema.BuiltinOptions, type(op.options).__name__)
        table.builtinOptions = _options(schema, op.options)
    return table


def op_code(schema: Any, kind: str, version: int) -> Any:
    """A kind of op as the binding has it."""
    table = schema.OperatorCodeT()
    table.builtinCode = getattr(schema.BuiltinOperator, kind)
    table.deprecatedBuiltinCode = min(table.builtinCode, 127)
    table.version = version
    return table


def _buffer(schema: Any, data: bytes | None) -> Any:
    table = schema.BufferT()
    if data is not None:
        table.data = np.frombuffer(data, np.uint8)
    return table


def write_tflite(graph: Graph) -> bytes:
    """Serialize a graph of builtin ops (no CUSTOM).

    Args:
        graph: its name, digest and size are not written; each tensor gets a buffer of its own.

    Returns:
        A file that `read_tflite` reads as the same tensors and ops.
    """
    from ai_edge_litert import schema_py_generated as schema

    codes = sorted({(op.kind, op.version) for op in graph.ops})
    main = schema.SubGraphT()
    main.tensors = [tensor_table(schema, tensor, i + 1) for i, tensor in enumerate(graph.tensors)]
    main.operators = [op_table(schema, op, codes.index((op.kind, op.version))) for op in graph.ops]
    main.inputs, main.outputs = np.array(graph.inputs, np.int32), np.array(graph.outputs, np.int32)
    model = schema.ModelT()
    model.version = _SCHEMA_VERSION
    model.description = graph.description or None
    model.subgraphs = [main]
    model.operatorCodes = [op_code(schema, *code) for code in codes]
    # Buffer 0 is empty by convention: a tensor that names it has no data.
    model.buffers = [_buffer(schema, data) for data in (None, *(tensor.data for tensor in graph.tensors))]
    return pack(model)


def pack(model: Any) -> bytes:
    """The bytes of one of the binding's models."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
