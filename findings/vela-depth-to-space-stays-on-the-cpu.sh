#!/usr/bin/env bash
# Vela leaves DEPTH_TO_SPACE to the CPU, but takes the same bytes as RESHAPE, TRANSPOSE, RESHAPE.
#
# Guess: an NPU compiler that moves data for TRANSPOSE does so for the simplest upsampling there is, or rewrites it.
# Seen with ethos-u-vela 5.2.0 for U55 and U85: "Unsupported opType", 100 % on the CPU; spelt as three operators (LiteRT
# gives equal bytes for both), 100 % on the NPU.
# Output: ethos-u55-128 DEPTH_TO_SPACE on CPU: 1 three operators on CPU: 0, and ethos-u85-128 the same
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet ethos-u-vela==5.2.0 ai-edge-litert==2.3.0 flatbuffers==25.12.19
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import subprocess
import sys
from pathlib import Path

import numpy as np
from one_op_model import build, constant, litert, one_op, schema, tensor

options = schema.DepthToSpaceOptionsT()
options.blockSize = 2
small, large = tensor((1, 16, 16, 16), scale=0.1), tensor((1, 32, 32, 4), scale=0.1)
one = one_op("DEPTH_TO_SPACE", [small], large, options)
tensors = [small, constant([16, 16, 2, 8]), tensor((16, 16, 2, 8), scale=0.1), constant([0, 2, 1, 3])]
tensors += [tensor((16, 2, 16, 8), scale=0.1), constant([1, 32, 32, 4]), large]
three = build(
    [
        ("RESHAPE", [0, 1], [2], None, 1),
        ("TRANSPOSE", [2, 3], [4], schema.TransposeOptionsT(), 1),
        ("RESHAPE", [4, 5], [6], None, 1),
    ],
    tensors, [0], [6],
)
picture = np.random.default_rng(0).integers(-128, 128, (1, 16, 16, 16)).astype(np.int8)
assert (litert(one, picture) == litert(three, picture)).all()


def left_to_cpu(model, chip):
    """Return how many operators Vela leaves to the CPU."""
    Path("net.tflite").write_bytes(model)
    vela = Path(sys.executable).with_name("vela")
    said = subprocess.run([vela, "net.tflite", "--accelerator-config", chip], capture_output=True, text=True)
    line = next(line for line in said.stdout.splitlines() if line.startswith("CPU operators"))
    return int(line.split()[3])


for chip in ("ethos-u55-128", "ethos-u85-128"):
    print(chip, "DEPTH_TO_SPACE on CPU:", left_to_cpu(one, chip), "three operators on CPU:", left_to_cpu(three, chip))
    assert (left_to_cpu(one, chip), left_to_cpu(three, chip)) == (1, 0)
EOF
