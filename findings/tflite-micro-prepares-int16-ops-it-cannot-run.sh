#!/usr/bin/env bash
# TensorFlow Lite Micro allocates its arena for six 16-bit operators that then fail at the first Invoke.
#
# Guess: AllocateTensors() is where a board learns that a model cannot run; what passes there runs.
# Seen with tflite-micro 0.dev20261023182759 and int16 planes: RESIZE_BILINEAR, HARD_SWISH, ELU, MIRROR_PAD, REDUCE_MAX and
# SPACE_TO_BATCH_ND are prepared, and their types looked at when the first picture is there. DEPTH_TO_SPACE is refused in time,
# and RESIZE_NEAREST_NEIGHBOR, LEAKY_RELU and MAX_POOL_2D run. LiteRT runs the bilinear one.
# Output: fails at Invoke: RESIZE_BILINEAR, HARD_SWISH, ELU, MIRROR_PAD, REDUCE_MAX, SPACE_TO_BATCH_ND; refused in time: DEPTH_TO_SPACE; runs: RESIZE_NEAREST_NEIGHBOR, LEAKY_RELU, MAX_POOL_2D
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6 tflite-micro==0.dev20261023182759
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - 2>/dev/null <<'EOF'
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from one_op_model import constant, litert, one_op, tensor
from tflite_micro.python.tflite_micro import runtime

picture = np.arange(-32, 32, dtype=np.int16).reshape(1, 4, 4, 4)


def plane(height=4, width=4, channels=4, count=1):
    """Describe a 16-bit plane."""
    return tensor((count, height, width, channels), "int16", scale=0.01)


def options(kind, **values):
    """Return an operator's options."""
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(made, name, value)
    return made


rim, half = constant([[0, 0], [1, 1], [1, 1], [0, 0]]), {"filterWidth": 2, "filterHeight": 2, "strideW": 2, "strideH": 2}
operators = {
    "RESIZE_BILINEAR": ([plane(), constant([8, 8])], plane(8, 8), options("ResizeBilinear", halfPixelCenters=True), 3),
    "HARD_SWISH": ([plane()], plane(), options("HardSwish"), 1),
    "ELU": ([plane()], plane(), None, 1),
    "MIRROR_PAD": ([plane(), rim], plane(6, 6), options("MirrorPad", mode=0), 1),
    "REDUCE_MAX": ([plane(), constant([3])], plane(channels=1), options("Reducer", keepDims=True), 1),
    "SPACE_TO_BATCH_ND": (
        [plane(), constant([2, 2]), constant([[0, 0], [0, 0]])], plane(2, 2, count=4), options("SpaceToBatchND"), 1,
    ),
    "DEPTH_TO_SPACE": ([plane()], plane(8, 8, 1), options("DepthToSpace", blockSize=2), 1),
    "RESIZE_NEAREST_NEIGHBOR": ([plane(), constant([8, 8])], plane(8, 8), options("ResizeNearestNeighbor"), 3),
    "LEAKY_RELU": ([plane()], plane(), options("LeakyRelu", alpha=0.1), 1),
    "MAX_POOL_2D": ([plane()], plane(2, 2), options("Pool2D", **half), 1),
}
found = {"fails at Invoke": [], "refused in time": [], "runs": []}
for name, described in operators.items():
    try:
        interpreter = runtime.Interpreter.from_bytes(one_op(name, *described))
    except RuntimeError:
        found["refused in time"].append(name)
        continue
    interpreter.set_input(picture, 0)
    try:
        interpreter.invoke()
    except RuntimeError:
        found["fails at Invoke"].append(name)
    else:
        found["runs"].append(name)
print("; ".join(f"{what}: {', '.join(names)}" for what, names in found.items()))
assert litert(one_op("RESIZE_BILINEAR", *operators["RESIZE_BILINEAR"]), picture, reference=True).shape == (1, 8, 8, 4)
assert list(found.values()) == [list(operators)[:6], list(operators)[6:7], list(operators)[7:]]
EOF
