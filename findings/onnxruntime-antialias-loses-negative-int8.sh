#!/usr/bin/env bash
# ONNX Runtime's Resize with antialias=1 turns every negative int8 into 0.
#
# Guess: antialiasing changes how far a pixel looks, not the range of the type; a flat picture stays as it is.
# Seen with onnxruntime 1.32.0, mode linear, 8x8 to 4x4: a flat -100 becomes 0 with antialias=1 and stays -100 without it,
# or in ONNX's reference evaluator; 100 stays 100 everywhere. A picture quantized to int8 loses its darker half. No error.
# Output: {-128: [-128, 0, -128], -100: [-100, 0, -100], -1: [-1, 0, -1], 0: [0, 0, 0], 100: [100, 100, 100]}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def shrink(antialias):
    """Return a model that shrinks 8x8 int8 pixels to 4x4."""
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear", antialias=antialias)
    sizes = numpy_helper.from_array(np.array([1, 1, 4, 4], np.int64), "sizes")
    source = helper.make_tensor_value_info("x", TensorProto.INT8, [1, 1, 8, 8])
    result = helper.make_tensor_value_info("y", TensorProto.INT8, [1, 1, 4, 4])
    graph = helper.make_graph([node], "shrink", [source], [result], [sizes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


plain, smooth = (onnxruntime.InferenceSession(shrink(antialias).SerializeToString()) for antialias in (0, 1))
reference = ReferenceEvaluator(shrink(1))
found = {}
for value in (-128, -100, -1, 0, 100):
    flat = np.full((1, 1, 8, 8), value, np.int8)
    made = [runner.run(None, {"x": flat})[0] for runner in (plain, smooth, reference)]
    assert all(len(np.unique(picture)) == 1 for picture in made)
    found[value] = [int(picture.flat[0]) for picture in made]
print("plain, antialias, reference:", found)
assert all(plain == value == exact and smooth == max(value, 0) for value, (plain, smooth, exact) in found.items())
EOF
