#!/usr/bin/env bash
# OpenCV turns an RGB565 frame's white into light grey with a hint of green: (248, 252, 248).
#
# Guess: 0xFFFF becomes (255, 255, 255), as in Pillow and FFmpeg, which repeat the high bits in the low ones.
# Seen with opencv-python-headless 5.0.0.93: the low bits stay 0, so no picture from an RGB565 camera reaches 255, each is
# up to 7 steps darker than through Pillow, and greys get a tint.
# Output: opencv [248, 252, 248] pillow [255, 255, 255]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import cv2
import numpy as np
from PIL import Image

white = np.array([[0xFFFF]], "<u2")
opencv = cv2.cvtColor(white.view(np.uint8).reshape(1, 1, 2), cv2.COLOR_BGR5652RGB)[0, 0].tolist()
pillow = np.asarray(Image.frombytes("RGB", (1, 1), white.tobytes(), "raw", "BGR;16"))[0, 0].tolist()
print("opencv", opencv, "pillow", pillow)
assert opencv == [248, 252, 248] and pillow == [255, 255, 255]
EOF
