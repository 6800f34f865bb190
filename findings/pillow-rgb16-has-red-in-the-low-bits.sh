#!/usr/bin/env bash
# Pillow's raw mode "RGB;16" swaps red and blue of what cameras and FFmpeg call RGB565.
#
# Guess: "RGB;16" reads V4L2's RGB565 (red in the top five bits); "BGR;16" is the one with blue on top.
# Seen with pillow 13.0.0: the names count from the lowest bit, so RGB565 is "BGR;16". Nothing fails: faces turn blue.
# Output: word 0xF800: ffmpeg [255, 0, 0] {'RGB;16': [0, 0, 255], 'BGR;16': [255, 0, 0]}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pillow==13.0.0 av==18.1.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import av
import numpy as np
from PIL import Image

red = np.full((2, 16), 0xF800, "<u2")
frame = av.VideoFrame(16, 2, "rgb565le")
plane = np.zeros((2, frame.planes[0].line_size), np.uint8)
plane[:, :32] = red.view(np.uint8)
frame.planes[0].update(plane.tobytes())
ffmpeg = frame.to_ndarray(format="rgb24")[0, 0].tolist()
pillow = {
    mode: np.asarray(Image.frombytes("RGB", (16, 2), red.tobytes(), "raw", mode))[0, 0].tolist()
    for mode in ("RGB;16", "BGR;16")
}
print("word 0xF800: ffmpeg", ffmpeg, pillow)
assert ffmpeg == [255, 0, 0]
assert pillow == {"RGB;16": [0, 0, 255], "BGR;16": [255, 0, 0]}
EOF
