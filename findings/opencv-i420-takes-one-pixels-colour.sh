#!/usr/bin/env bash
# OpenCV's RGB to I420 takes a 2x2 block's colour from its top left pixel alone.
#
# Guess: U and V are means of the four pixels, as OpenCV itself does for YUY2 (mean of two) and FFmpeg does for yuv420p.
# Seen with opencv-python-headless 5.0.0.93: columns that alternate red and blue come out with the U and V of pure red;
# three quarters of the colours of a test pattern never count, and thin coloured lines turn grey or flicker.
# Output: red (90, 240) striped (90, 240) YUY2 [165, 175] FFmpeg (164, 174)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import av
import cv2
import numpy as np

red = np.zeros((16, 32, 3), np.uint8)
red[:] = 0, 0, 255  # blue, green, red
striped = red.copy()
striped[:, 1::2] = 255, 0, 0


def i420(picture):
    """Return the first U and V of a picture in OpenCV's I420: 16 rows of Y, 4 of U, 4 of V."""
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    return int(planes[16, 0]), int(planes[20, 0])


yuy2 = cv2.cvtColor(striped, cv2.COLOR_BGR2YUV_YUY2)[0]
ffmpeg = av.VideoFrame.from_ndarray(striped, format="bgr24").reformat(format="yuv420p")
means = tuple(bytes(plane)[0] for plane in ffmpeg.planes[1:])
print("red", i420(red), "striped", i420(striped), "YUY2", yuy2[:2, 1].tolist(), "FFmpeg", means)
assert i420(red) == i420(striped) == (90, 240)
assert yuy2[:2, 1].tolist() == [165, 175]
assert means == (164, 174)
EOF
