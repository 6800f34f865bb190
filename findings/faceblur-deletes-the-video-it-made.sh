#!/usr/bin/env bash
# faceblur encodes a whole video, deletes it, and says nothing: of a picture and a video only the picture is left.
#
# Guess: a face blurrer with a page for videos leaves the video that it shows as encoded to 100 %.
# Seen with faceblur 1.0.0, its only version: the file is removed after each video, not after failed ones alone; no error is
# raised. (It asks for av 14.0.1 or later, and later ones lack what it imports.)
# Output: 20 of 20 frames encoded; left: ['still.png']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mediapipe==0.10.21 av==14.2.0 pillow==11.1.0 pillow_heif==0.21.0 tqdm==4.70.1 \
    pymediainfo==7.0.1
"$work/venv/bin/pip" install --quiet --no-deps faceblur==1.0.0 # without wxPython, which its window alone needs
cd "$work" && GLOG_minloglevel=3 "$work/venv/bin/python" - 2>stderr <<'EOF' || { cat stderr; exit 1; }
import os

import av
import numpy as np
import tqdm
from faceblur.app import faceblur
from PIL import Image

Image.new("RGB", (128, 128), "grey").save("still.png")
with av.open("clip.mp4", "w") as clip:
    stream = clip.add_stream("mpeg4", 10)
    stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
    for step in range(20):
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((128, 128, 3), step * 5, np.uint8), "rgb24")))
    clip.mux(stream.encode())
bars = []


def progress(*args, **options):
    bars.append(tqdm.tqdm(*args, **options))
    return bars[-1]


faceblur(["still.png", "clip.mp4"], "out", progress_type=progress)
(encoding,) = [bar for bar in bars if bar.desc.startswith("Encoding")]
left = sorted(os.listdir("out"))
print(f"{encoding.n} of {encoding.total} frames encoded; left: {left}")
assert encoding.n == encoding.total == 20 and left == ["still.png"]
EOF
