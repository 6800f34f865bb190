#!/usr/bin/env bash
# OpenCV cannot read a PGM in text whose file ends with the last number, without a newline behind it.
#
# Guess: the end of the file ends a number, as white space does. That is how Pillow and FFmpeg take it, and how a firmware
# writes such a file that puts a space or a newline before each number.
# Seen with opencv-python-headless 5.0.0.93: imread returns None ("Unexpected end of input stream" on standard error); with
# one newline more it reads the picture.
# Output: without: opencv None pillow 63 ffmpeg 63; with: opencv 63
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 pillow==13.0.0 av==18.1.0 numpy==2.4.6
cd "$work" && OPENCV_LOG_LEVEL=OFF "$work/venv/bin/python" - <<'EOF'
import av
import cv2
import numpy as np
from PIL import Image

picture = b"P2\n8 8\n255\n" + b" ".join(b"%d" % step for step in range(64))
for name, data in (("without", picture), ("with", picture + b"\n")):
    with open(name + ".pgm", "wb") as file:
        file.write(data)
without, with_one = (cv2.imread(f"{name}.pgm", cv2.IMREAD_GRAYSCALE) for name in ("without", "with"))
pillow = np.asarray(Image.open("without.pgm")).max()
with av.open("without.pgm") as opened:
    ffmpeg = next(opened.decode(video=0)).to_ndarray().max()
print(f"without: opencv {without} pillow {pillow} ffmpeg {ffmpeg}; with: opencv {with_one.max()}")
assert without is None and pillow == ffmpeg == with_one.max() == 63
EOF
