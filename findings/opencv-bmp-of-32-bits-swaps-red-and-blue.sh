#!/usr/bin/env bash
# OpenCV passes over the masks of a 32-bit BMP with the usual short head: a red frame buffer in RGBX order becomes blue.
#
# Guess: BI_BITFIELDS says where red, green and blue lie, so a board may write its frame buffer in the order that it has.
# FFmpeg, SDL and raylib take the masks, Pillow refuses what it does not know.
# Seen with opencv-python-headless 5.0.0.93: with the head of 40 bytes the bytes are read as blue, green, red, whatever the
# masks say, without a word; with the head of 108 bytes, which has the same masks at the same place, they are obeyed.
# Output: head of 40 bytes: opencv [0, 0, 200] ffmpeg [200, 0, 0]; 108 bytes: opencv [200, 0, 0] ffmpeg [200, 0, 0]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet opencv-python-headless==5.0.0.93 av==18.1.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import struct

import av
import cv2

RED, BITFIELDS = bytes([200, 0, 0, 0]), 3
pixels = RED * 8 * 8
masks = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0)


def bmp(head_bytes):
    head = struct.pack("<IiiHHIIiiII", head_bytes, 8, 8, 1, 32, BITFIELDS, len(pixels), 2835, 2835, 0, 0)
    head += masks[:12] if head_bytes == 40 else masks.ljust(head_bytes - 40, b"\0")
    return struct.pack("<2sIHHI", b"BM", 14 + len(head) + len(pixels), 0, 0, 14 + len(head)) + head + pixels


def both(head_bytes):
    with open("frame.bmp", "wb") as file:
        file.write(bmp(head_bytes))
    with av.open("frame.bmp") as opened:
        ffmpeg = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    return cv2.imread("frame.bmp")[0, 0, ::-1].tolist(), ffmpeg[0, 0].tolist()


short, long = both(40), both(108)
print(f"head of 40 bytes: opencv {short[0]} ffmpeg {short[1]}; 108 bytes: opencv {long[0]} ffmpeg {long[1]}")
assert short[0] == [0, 0, 200] and long[0] == short[1] == long[1] == [200, 0, 0]
EOF
