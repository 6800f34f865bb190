#!/usr/bin/env bash
# CMSIS-DSP's arm_rms_q15 of a constant 180 is 0, and of 255 it is 181: quiet sound is silence.
#
# Guess: the RMS of a constant is that constant, give or take a unit; arm_rms_q31 of the same signal does so.
# Seen with cmsisdsp 1.10.3 (the C library with a Python interface): the mean square is cut to 15 bits before the root,
# so all below 181/32768 (-45 dBFS) is 0 and the first steps are 181, 256, 313. A wake-up threshold set in q15 below that
# never fires, and arm_std_q15 does the same.
# Output: levels (100, 180, 200, 255, 256) q15 [0, 0, 181, 181, 256] q31 [100, 180, 200, 254, 256] 20000 -> 20000
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet cmsisdsp==1.10.3 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import cmsisdsp
import numpy as np

levels = (100, 180, 200, 255, 256)
q15 = [int(cmsisdsp.arm_rms_q15(np.full(256, level, np.int16))) for level in levels]
q31 = [int(cmsisdsp.arm_rms_q31(np.full(256, level << 16, np.int32))) >> 16 for level in levels]
loud = int(cmsisdsp.arm_rms_q15(np.full(256, 20000, np.int16)))
print("levels", levels, "q15", q15, "q31", q31, "20000 ->", loud)
assert q15 == [0, 0, 181, 181, 256] and loud == 20000
assert all(abs(found - level) <= 1 for found, level in zip(q31, levels, strict=True))
EOF
