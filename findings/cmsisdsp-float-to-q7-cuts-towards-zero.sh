#!/usr/bin/env bash
# CMSIS-DSP quantizes floats towards zero and shrinks q15 to q7 towards minus infinity; neither rounds.
#
# Guess: arm_float_to_q7 rounds to the nearest step, and both ways to q7 agree.
# Seen with cmsisdsp 1.10.3: 0.99 of a step is 0 and so is -0.99, a dead zone of two steps around zero; q15 to q7 turns
# the same -0.99 into -1. Weights made this way are half a step too small, and inputs differ by the way they came.
# Output: steps [0.99, -0.99, 1.99, -1.99] from float [0, 0, 1, -1] from q15 [0, -1, 1, -2]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet cmsisdsp==1.10.3 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import cmsisdsp
import numpy as np

steps = np.array([0.99, -0.99, 1.99, -1.99])
direct = cmsisdsp.arm_float_to_q7((steps / 128).astype(np.float32)).tolist()
by_q15 = cmsisdsp.arm_q15_to_q7(np.round(steps * 256).astype(np.int16)).tolist()
print("steps", steps.tolist(), "from float", direct, "from q15", by_q15)
assert direct == [0, 0, 1, -1]
assert by_q15 == [0, -1, 1, -2]
EOF
