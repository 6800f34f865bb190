#!/usr/bin/env bash
# ONNX Runtime's Resize cuts the fractions of uint8 pictures: enlarged and shrunk ones are half a step darker.
#
# Guess: integers are rounded to the nearest, as ONNX's own reference evaluator does, or the type is refused.
# Seen with onnxruntime 1.32.0, mode linear: between 0 and 3 stand 0 and 2, where 0.75 and 2.25 are meant; on noise the mean
# error is -0.46 by 2. The same model on float input is exact, so preprocessing inside the model moves a net's input
# when its input type changes.
# Output: [0, 3] by 2: onnxruntime [0, 0, 2, 3] reference [0, 1, 2, 3] floats [0.0, 0.75, 2.25, 3.0]; noise: mean error -0.46
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


def resize(kind, shape, larger):
    """Return a model that resizes by linear interpolation, pixel centres at halves."""
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear")
    sizes = numpy_helper.from_array(np.array(larger, np.int64), "sizes")
    source = helper.make_tensor_value_info("x", kind, shape)
    result = helper.make_tensor_value_info("y", kind, larger)
    graph = helper.make_graph([node], "resize", [source], [result], [sizes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def ran(model, picture):
    """Run the model in ONNX Runtime."""
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": picture})[0]


pair = np.array([[[[0, 3]]]], np.uint8)
small, large = [1, 1, 1, 2], [1, 1, 1, 4]
model = resize(TensorProto.UINT8, small, large)
cut = ran(model, pair).ravel().tolist()
rounded = ReferenceEvaluator(model).run(None, {"x": pair})[0].ravel().tolist()
floats = ran(resize(TensorProto.FLOAT, small, large), pair.astype(np.float32)).ravel().tolist()

noise = np.random.default_rng(0).integers(0, 256, (1, 3, 16, 16)).astype(np.uint8)
small, large = [1, 3, 16, 16], [1, 3, 32, 32]
exact = ran(resize(TensorProto.FLOAT, small, large), noise.astype(np.float32))
error = float((ran(resize(TensorProto.UINT8, small, large), noise) - exact).mean())
print("[0, 3] by 2: onnxruntime", cut, "reference", rounded, "floats", floats, "noise: mean error %.2f" % error)
assert cut == [0, 0, 2, 3] and rounded == [0, 1, 2, 3] and floats == [0, 0.75, 2.25, 3]
assert -0.5 < error < -0.4
EOF
