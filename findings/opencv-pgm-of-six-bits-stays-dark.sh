#!/usr/bin/env bash
# OpenCV scales a PGM of 6 bits to white when its numbers are text, and leaves it a quarter as bright when they are bytes.
#
# Guess: white is 255 in both, as in Pillow and FFmpeg: a PGM's head says which number is white, and cameras of 6, 7 or 10
# bits write theirs there.
# Seen with opencv-python-headless 5.0.0.93: 63 becomes 255 from P2, and stays 63 from P5; 1023 of 1023 stays 1023 in 16
# bits, and becomes 3 when 8 bits are asked for.
# Output: opencv: text 255 bytes 63 ten bits 3; pillow: text 255 bytes 255; ffmpeg: text 255 bytes 255
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 pillow==13.0.0 av==18.1.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import av
import cv2
import numpy as np
from PIL import Image

steps = np.arange(64, dtype=np.uint8).reshape(8, 8)
tenth = (np.arange(64).reshape(8, 8) * 1023 // 63).astype(">u2")
files = {
    "text": b"P2\n8 8\n63\n" + b" ".join(b"%d" % step for step in steps.ravel()) + b"\n",
    "bytes": b"P5\n8 8\n63\n" + steps.tobytes(),
    "ten bits": b"P5\n8 8\n1023\n" + tenth.tobytes(),
}


def ffmpeg(name):
    with av.open(name) as opened:
        return next(opened.decode(video=0)).to_ndarray().max()


def brightest(name, read):
    with open(name + ".pgm", "wb") as file:
        file.write(files[name])
    return int(read(name + ".pgm"))


opencv = {name: brightest(name, lambda path: cv2.imread(path, cv2.IMREAD_GRAYSCALE).max()) for name in files}
pillow = {name: brightest(name, lambda path: np.asarray(Image.open(path)).max()) for name in ("text", "bytes")}
theirs = {name: brightest(name, ffmpeg) for name in ("text", "bytes")}
texts = {
    who: " ".join(f"{name} {most}" for name, most in found.items())
    for who, found in (("opencv", opencv), ("pillow", pillow), ("ffmpeg", theirs))
}
print("; ".join(f"{who}: {text}" for who, text in texts.items()))
assert opencv == {"text": 255, "bytes": 63, "ten bits": 3}
assert pillow == theirs == {"text": 255, "bytes": 255}
EOF
