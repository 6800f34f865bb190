#!/usr/bin/env bash
# litert-quantizer leaves models of older converters as they are, and calls it a success ("1.0x smaller").
#
# Guess: a file that LiteRT runs is quantized, or refused.
# Seen with litert-quantizer 0.11.0: files from before TensorFlow 2.4 name their operators in the one-byte field only, which
# LiteRT honours (the larger of both fields counts). The quantizer reads the new field alone, takes each operator for
# number 0, ADD, and finds nothing to do: dense weights stay float32.
# Output: both fields: type 9 2432 -> 1040
#         one-byte field: type 0 2424 -> 2424
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet litert-quantizer==0.11.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe

FULLY_CONNECTED = schema.BuiltinOperator.FULLY_CONNECTED
rng = np.random.default_rng(0)
weights, vector = rng.normal(size=(8, 64)).astype(np.float32), rng.normal(size=(1, 64)).astype(np.float32)


def dense(new_field):
    """Return a float model of one dense layer, its operator named in the old field and, if wanted, in the new one."""
    model, graph, code, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    code.deprecatedBuiltinCode, code.version = FULLY_CONNECTED, 1
    code.builtinCode = FULLY_CONNECTED if new_field else 0
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [operator], [0], [2]
    for index, (shape, data) in enumerate((((1, 64), None), ((8, 64), weights), ((1, 8), None))):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = f"t{index}", list(shape), schema.TensorType.FLOAT32, 0
        if data is not None:
            made.buffer = 1
            model.buffers.append(schema.BufferT())
            model.buffers[1].data = np.frombuffer(data.tobytes(), np.uint8)
        graph.tensors.append(made)
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, -1], [2]
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def answer(model):
    """Run the model in LiteRT."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, vector)
    interpreter.invoke()
    return interpreter.get_tensor(2)


def quantized(model):
    """Quantize the weights to int8; return the bytes and the type of the weights."""
    with open("dense.tflite", "wb") as file:
        file.write(model)
    worker = quantizer.Quantizer("dense.tflite")
    worker.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    made = bytes(worker.quantize().quantized_model)
    return made, schema.ModelT.InitFromObj(schema.Model.GetRootAs(made, 0)).subgraphs[0].tensors[1].type


new, old = dense(new_field=True), dense(new_field=False)
(new_made, new_type), (old_made, old_type) = quantized(new), quantized(old)
print("both fields: type", new_type, len(new), "->", len(new_made))
print("one-byte field: type", old_type, len(old), "->", len(old_made))
assert (answer(new) == answer(old)).all()
assert new_type == schema.TensorType.INT8 and len(new_made) < len(new)
assert old_type == schema.TensorType.FLOAT32 and len(old_made) == len(old)
EOF
