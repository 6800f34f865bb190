#!/usr/bin/env bash
# On an Ethos-U55, Vela plans the same SRAM for a hidden tensor of 1 channel as for one of 16; the 17th doubles it.
#
# Guess: a narrower net needs less SRAM, so 8 channels where 16 were is half of it.
# Seen with ethos-u-vela 5.2.0 on 3 -> c -> c -> 3 convolutions at 64x64: tensors between NPU operators are laid out in
# bricks of 16 channels. Slimming a net from 16 to 8 channels saves computation and weights, and 2 % of the SRAM (none with --optimise Size,
# which needs 36 KiB for both).
# Output: KiB of SRAM by channels: {1: 128.17, 8: 129.09, 16: 131.42, 17: 260.28}
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
from one_op_model import build, schema, tensor

options = schema.Conv2DOptionsT()
options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1


def sram(channels):
    """Return the KiB of SRAM that Vela plans for three convolutions with so many channels between them."""
    widths = [3, channels, channels, 3]
    tensors, operators = [tensor((1, 64, 64, 3), scale=0.1)], []
    rng = np.random.default_rng(0)
    for taken, made in zip(widths, widths[1:], strict=False):
        last, weights = len(tensors), rng.integers(-127, 128, (made, 3, 3, taken)).astype(np.int8)
        tensors.append(tensor(weights.shape, scale=[0.01] * made, data=weights))
        tensors.append(tensor((made,), "int32", [0.001] * made, data=np.zeros(made, np.int32)))
        tensors.append(tensor((1, 64, 64, made), scale=0.1))
        operators.append(("CONV_2D", [last - 1, last, last + 1], [last + 2], options, 3))
    Path("net.tflite").write_bytes(build(operators, tensors, [0], [len(tensors) - 1]))
    vela = Path(sys.executable).with_name("vela")
    said = subprocess.run([vela, "net.tflite", "--accelerator-config", "ethos-u55-128"], capture_output=True, text=True)
    line = next(line for line in said.stdout.splitlines() if line.startswith("Total SRAM used"))
    return float(line.split()[3])


found = {channels: sram(channels) for channels in (1, 8, 16, 17)}
print("KiB of SRAM by channels:", found)
assert found[1] > 0.95 * found[16]
assert found[17] > 1.9 * found[16]
EOF
