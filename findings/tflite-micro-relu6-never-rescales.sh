#!/usr/bin/env bash
# TensorFlow Lite Micro's RELU6 copies the input's numbers into an output of another scale.
#
# Guess: like RELU beside it, RELU6 requantizes when its output has its own scale, or refuses.
# Seen with tflite-micro 0.dev20261023182759, output scale 6/255 with zero point -128: LiteRT is right to a step,
# RELU of TensorFlow Lite Micro is exact, RELU6 clips in the input's numbers and stores them: up to 128 steps wrong.
# Output: steps off: {'litert': 1, 'reference': 1, 'micro RELU': 0, 'micro RELU6': 128}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6 tflite-micro==0.dev20261023182759
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import numpy as np
from one_op_model import litert, one_op, tensor
from tflite_micro.python.tflite_micro import runtime

picture = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 16, 1)
source = tensor(picture.shape, scale=0.1)


def micro(model):
    """Run the model in TensorFlow Lite Micro."""
    interpreter = runtime.Interpreter.from_bytes(model)
    interpreter.set_input(picture, 0)
    interpreter.invoke()
    return interpreter.get_output(0)


def off(made, top, scale):
    """Return how far the bytes are from arithmetic."""
    wanted = np.clip(np.round(np.clip(picture * 0.1, 0, top) / scale) - 128, -128, 127)
    return int(np.abs(made - wanted).max())


relu6 = one_op("RELU6", [source], tensor(picture.shape, scale=6 / 255, zero_point=-128))
relu = one_op("RELU", [source], tensor(picture.shape, scale=0.05, zero_point=-128))
found = {
    "litert": off(litert(relu6, picture), 6, 6 / 255),
    "reference": off(litert(relu6, picture, reference=True), 6, 6 / 255),
    "micro RELU": off(micro(relu), np.inf, 0.05),
    "micro RELU6": off(micro(relu6), 6, 6 / 255),
}
print("steps off:", found)
assert found == {"litert": 1, "reference": 1, "micro RELU": 0, "micro RELU6": 128}
EOF
