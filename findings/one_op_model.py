"""One-operator .tflite files of integers, built by hand: what the scripts beside this file feed to interpreters.

Needs `ai-edge-litert` (for the schema) and `flatbuffers`; the scripts install both.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

_TYPES = {"int8": schema.TensorType.INT8, "int16": schema.TensorType.INT16, "int32": schema.TensorType.INT32}


def tensor(shape, dtype="int8", scale=None, zero_point=0, data=None):
    """Describe a tensor; one with `data` is a constant, and a list of scales is one scale a channel."""
    return shape, dtype, scale, zero_point, data


def constant(values):
    """Describe an int32 constant, such as axes or a shape."""
    values = np.asarray(values, np.int32)
    return tensor(values.shape, "int32", data=values)


def build(operators, tensors, inputs, outputs):
    """Return the bytes of a model; an operator is (name, input indices, output indices, options, version)."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, model.operatorCodes = 3, [schema.BufferT()], []
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], inputs, outputs
    for index, (shape, dtype, scale, zero_point, data) in enumerate(tensors):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = f"t{index}", list(shape), _TYPES[dtype], 0
        if data is not None:
            made.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            model.buffers[-1].data = np.frombuffer(data.tobytes(), np.uint8)
        if scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
            made.quantization.zeroPoint = np.full(made.quantization.scale.shape, zero_point, np.int64)
        graph.tensors.append(made)
    for name, sources, results, options, version in operators:
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), version
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes), sources, results
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            made.builtinOptions, made.builtinOptionsType = options, getattr(schema.BuiltinOptions, kind)
        model.operatorCodes.append(code)
        graph.operators.append(made)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def one_op(name, sources, result, options=None, version=1):
    """Return a model of one operator, whose inputs are the sources without data."""
    last = len(sources)
    inputs = [index for index, source in enumerate(sources) if source[4] is None]
    return build([(name, list(range(last)), [last], options, version)], [*sources, result], inputs, [last])


def litert(model, picture, reference=False):
    """Run a model of one input in LiteRT, by its default kernels or by its reference kernels."""
    resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
