#!/usr/bin/env bash
# FFmpeg dithers when it writes RGB565: a flat grey picture gets a pattern of four colours.
#
# Guess: converting 8 bits a channel to 5-6-5 keeps each channel's top bits (or rounds), so equal pixels stay equal.
# Seen with av 18.1.0: swscale lays an 8x8 pattern over the picture, one that differs by channel. Of a flat (100, 100, 100) no
# pixel word is alone, RGB565 and RGB555 alike; 8-bit grey stays flat. A reference made this way differs from a camera's frame
# in its low bits, and what changes pixels where nothing moves is the converter.
# Output: rgb565le: 4 words, red [12, 13], green [24, 25], blue [12, 13]; rgb555le: 5 words; gray: 1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet av==18.1.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import av
import numpy as np

flat = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 100, np.uint8), format="rgb24")


def values(form, kind):
    plane = flat.reformat(format=form).planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : 16 * np.dtype(kind).itemsize].copy().view(kind)


words = values("rgb565le", "<u2")
channels = [np.unique(part).tolist() for part in (words >> 11, words >> 5 & 63, words & 31)]
counts = [len(np.unique(v)) for v in (words, values("rgb555le", "<u2"), values("gray", np.uint8))]
print("rgb565le: {} words, red {}, green {}, blue {}".format(counts[0], *channels), end="; ")
print("rgb555le: {} words; gray: {}".format(*counts[1:]))
assert channels == [[12, 13], [24, 25], [12, 13]]
assert counts == [4, 5, 1]
EOF
