#!/usr/bin/env bash
# LiteRT's reference kernel for int8 SUM answers -1 for negative sums, and wraps where it should saturate.
#
# Guess: the reference kernels are slow and right; the optimized ones are compared with them.
# Seen with ai-edge-litert 2.3.0, input and output of one scale: -40 and -120 come out as -1, 132 as -124 and 400 as -1,
# as if clamped to 0..255 and then cut to int8. The default kernels say -40, -120, 127, 127, as arithmetic does.
# Output: sums -120 -40 0 40 120 132 400
#         {'reference': [-1, -1, 0, 40, 120, -124, -1], 'default': [-120, -40, 0, 40, 120, 127, 127]}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import numpy as np
from one_op_model import constant, litert, one_op, schema, tensor

options = schema.ReducerOptionsT()
options.keepDims = True
square, single = (1, 2, 2, 1), (1, 1, 1, 1)
model = one_op("SUM", [tensor(square, scale=0.1), constant([1, 2])], tensor(single, scale=0.1), options, version=2)
values = (-30, -10, 0, 10, 30, 33, 100)
pictures = [np.full(square, value, np.int8) for value in values]
sums = {name: [int(litert(model, p, reference=name == "reference")[0, 0, 0, 0]) for p in pictures]
        for name in ("reference", "default")}
print("sums", *(4 * value for value in values), sums)
assert sums["default"] == [-120, -40, 0, 40, 120, 127, 127]
assert sums["reference"] == [-1, -1, 0, 40, 120, -124, -1]
EOF
