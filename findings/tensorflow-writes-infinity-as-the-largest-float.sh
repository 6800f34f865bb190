#!/usr/bin/env bash
# TensorFlow's converter writes an infinite weight as 3.4028235e38 and leaves NaN: a .tflite holds no infinity to look for.
#
# Guess: weights in float32 are copied bit for bit, so a net whose training diverged is found by asking whether all are finite.
# Seen with tensorflow 2.21.0, keras 3.15.1 and ai-edge-litert 2.3.0: of the weights (inf, -inf, nan) the file has the two largest
# finite numbers and a NaN, and for an input of 0.5 LiteRT answers 1.7e38 where Keras answers infinity.
# Output: Keras: inf -inf nan; in the file: 3.4028235e+38 -3.4028235e+38 nan; LiteRT: 1.7014117e+38 -1.7014117e+38 nan
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 ai-edge-litert==2.3.0
cd "$work" && TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - 2>/dev/null <<'EOF'
import contextlib
import io

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

weights, half = np.array([[np.inf, -np.inf, np.nan]], np.float32), np.full((1, 1), 0.5, np.float32)
taken = tf.keras.Input((1,), batch_size=1)
dense = tf.keras.layers.Dense(3, use_bias=False)
net = tf.keras.Model(taken, dense(taken))
dense.set_weights([weights])
with contextlib.redirect_stdout(io.StringIO()):
    data = tf.lite.TFLiteConverter.from_keras_model(net).convert()
interpreter = Interpreter(model_content=data)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], half)
interpreter.invoke()
answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel()
kept = next(
    interpreter.get_tensor(detail["index"]).ravel()
    for detail in interpreter.get_tensor_details()
    if detail["name"].endswith("MatMul")
)
told = {"Keras": net(half).numpy().ravel(), "in the file": kept, "LiteRT": answer}
print("; ".join(f"{name}: {' '.join(map(str, numbers))}" for name, numbers in told.items()))
largest = np.finfo(np.float32).max
assert np.isinf(told["Keras"][:2]).all()
assert kept[0] == largest
assert kept[1] == -largest
assert np.isnan(kept[2])
assert np.isfinite(answer[:2]).all()
EOF
