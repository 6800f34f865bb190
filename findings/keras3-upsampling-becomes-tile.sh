#!/usr/bin/env bash
# Keras 3's UpSampling2D, which repeats pixels, is no RESIZE_NEAREST_NEIGHBOR in a .tflite but TILEs; TensorFlow Lite Micro refuses them.
#
# Guess: the usual layer of a small decoder becomes the operator of that name, as tf_keras's does.
# Seen with tensorflow 2.21.0: Keras 3.15.1 repeats each axis by a RESHAPE, a TILE and a RESHAPE, tf_keras 2.21.0 resizes, and so does
# Keras 3 with interpolation="bilinear". tflite-micro 0.dev20261023182759's Python interpreter has no TILE.
# Output: Keras 3: RESHAPE TILE RESHAPE TILE RESHAPE; bilinear: RESIZE_BILINEAR; tf_keras: RESIZE_NEAREST_NEIGHBOR; micro refuses Keras 3's
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1 tf_keras==2.21.0 ai-edge-litert==2.3.0 \
    tflite-micro==0.dev20261023182759
cd "$work" && TF_CPP_MIN_LOG_LEVEL=3 "$work/venv/bin/python" - 2>/dev/null <<'EOF'
import contextlib
import io

import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from tflite_micro.python.tflite_micro import runtime


def converted(keras, **options):
    """Return a .tflite file of one UpSampling2D, and the names of its operators."""
    taken = keras.Input((8, 8, 4), batch_size=1)
    net = keras.Model(taken, keras.layers.UpSampling2D(2, **options)(taken))
    with contextlib.redirect_stdout(io.StringIO()):
        data = tf.lite.TFLiteConverter.from_keras_model(net).convert()
    names = [operator["op_name"] for operator in Interpreter(model_content=data)._get_ops_details()]
    return data, " ".join(name for name in names if name != "DELEGATE")


def micro_takes(data):
    """Return whether TensorFlow Lite Micro's interpreter can be made for the file."""
    try:
        runtime.Interpreter.from_bytes(data)
    except RuntimeError:
        return False
    return True


(new, repeated), (_, bilinear), (old, nearest) = (
    converted(tf.keras), converted(tf.keras, interpolation="bilinear"), converted(tf_keras)
)
refused = "refuses" if micro_takes(old) and not micro_takes(new) else "takes"
print(f"Keras 3: {repeated}; bilinear: {bilinear}; tf_keras: {nearest}; micro {refused} Keras 3's")
assert repeated == "RESHAPE TILE RESHAPE TILE RESHAPE"
assert (bilinear, nearest) == ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
assert refused == "refuses"
EOF
