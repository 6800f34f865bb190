#!/usr/bin/env bash
# PyAV's to_ndarray(format="gray") of a camera's yuv420p frame is not its Y plane: it is stretched to full range.
#
# Guess: "gray" hands out the luma bytes as they are; converting would be needed for rgb24 only.
# Seen with av 18.1.0: limited range is expanded, 16 becomes 0 and 235 becomes 255; whoever quantizes for the raw Y plane
# of a camera and tests through this call tests with other numbers. frame.planes[0] has the real bytes.
# Output: Y 16 81 128 235 -> gray 0 76 130 255
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import av
import numpy as np

luma = (16, 81, 128, 235)
gray = []
for value in luma:
    planes = np.full((24, 16), 128, np.uint8)  # 16 rows of Y, then U and V
    planes[:16] = value
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    assert bytes(frame.planes[0])[0] == value
    gray.append(int(frame.to_ndarray(format="gray")[0, 0]))
print("Y", *luma, "-> gray", *gray)
assert gray == [0, 76, 130, 255]
EOF
