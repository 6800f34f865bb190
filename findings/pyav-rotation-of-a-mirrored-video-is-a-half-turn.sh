#!/usr/bin/env bash
# PyAV's frame.rotation of a video that is mirrored left to right, as front cameras write it, is -180: turned by it, it stands on its head.
#
# Guess: rotation says how a frame is to be turned, and a video that is only mirrored has 0.
# Seen with av 18.1.0: the angle is that of the first row of the display matrix, which a mirror negates; the second row, by which a half
# turn and a mirror differ, is left out. The side data DISPLAYMATRIX has the whole matrix.
# Output: half turn: rotation -180; mirrored: rotation -180; the two matrices differ: True
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import struct

import av
import numpy as np

WIDTH, HEIGHT = 64, 48


def clip(name, a, b, c, d, x, y):
    """Write three frames to an MP4 file whose track has the matrix (a, b, c, d) and the offset (x, y)."""
    with av.open(name, "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for level in (50, 100, 150):
            picture = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    with open(name, "r+b") as file:
        data = file.read()
        file.seek(data.index(b"tkhd") + 44)  # behind version, flags, times, track, layer and volume (ISO/IEC 14496-12)
        one = 1 << 16
        file.write(struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, x * one, y * one, 1 << 30))


def told(name):
    """Return the rotation of the first frame, and its display matrix."""
    with av.open(name) as file:
        frame = next(file.decode(video=0))
        return frame.rotation, bytes(frame.side_data.get("DISPLAYMATRIX"))


clip("turned.mp4", -1, 0, 0, -1, WIDTH, HEIGHT)
clip("mirrored.mp4", -1, 0, 0, 1, WIDTH, 0)
(turned, whole), (mirrored, other) = told("turned.mp4"), told("mirrored.mp4")
print(f"half turn: rotation {turned}; mirrored: rotation {mirrored}; the two matrices differ: {whole != other}")
assert (turned, mirrored) == (-180, -180)
assert whole != other
EOF
