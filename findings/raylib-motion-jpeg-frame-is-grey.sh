#!/usr/bin/env bash
# A USB camera's motion-JPEG frame, without Huffman tables, is flat grey to raylib; kornia-rs refuses it.
#
# Guess: a frame cut from a camera's MJPEG stream is a JPEG file, which every reader reads; or none that has no tables inside.
# Seen: Pillow 13.0.0, OpenCV 5.0.0.93, simplejpeg 1.9.0 and pygame-ce 2.5.8 fill in the usual tables and give the same picture as
# with them, FFmpeg (av 18.1.0) does as well. kornia-rs 0.2.0 raises an error. raylib 6.2.0.0, whose reader is stb_image, says
# "Data loaded successfully", and every pixel is (128, 128, 128).
# Output: as with tables: pillow, opencv, simplejpeg, pygame; av decodes too; kornia-rs: No DC table for component Y; raylib: [[128, 128, 128]]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pillow==13.0.0 opencv-python-headless==5.0.0.93 simplejpeg==1.9.0 pygame-ce==2.5.8 \
    av==18.1.0 kornia-rs==0.2.0 raylib==6.2.0.0 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" -W ignore - 2>/dev/null <<'EOF'
import io
import pathlib

import av
import cv2
import kornia_rs
import numpy as np
import pygame
import raylib
import simplejpeg
from PIL import Image

colours = np.random.default_rng(0).integers(0, 255, (4, 4, 3))
saved = io.BytesIO()
Image.fromarray(np.kron(colours, np.ones((8, 8, 1))).astype(np.uint8)).save(saved, "JPEG", quality=90)
whole = saved.getvalue()
frame, place = whole[:2], 2
while whole[place + 1] != 0xDA:  # every segment up to the scan but DHT
    length = 2 + int.from_bytes(whole[place + 2 : place + 4], "big")
    frame += whole[place : place + length] if whole[place + 1] != 0xC4 else b""
    place += length
frame += whole[place:]


def in_raylib(data):
    """Return the pixels `[height, width, 3]`."""
    picture = raylib.LoadImageFromMemory(b".jpg", data, len(data))
    pixels = raylib.LoadImageColors(picture)
    rgba = raylib.ffi.buffer(pixels, picture.width * picture.height * 4)
    return np.frombuffer(rgba, np.uint8).reshape(picture.height, picture.width, 4)[..., :3]


readers = {
    "pillow": lambda data: np.asarray(Image.open(io.BytesIO(data))),
    "opencv": lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1],
    "simplejpeg": simplejpeg.decode_jpeg,
    "pygame": lambda data: pygame.surfarray.array3d(pygame.image.load(io.BytesIO(data), "x.jpg")).swapaxes(0, 1),
}
same = [name for name, read in readers.items() if np.array_equal(read(frame), read(whole))]
with av.open(io.BytesIO(frame), format="mjpeg") as stream:
    decoded = next(stream.decode(video=0)).to_ndarray(format="rgb24")
near = np.abs(decoded.astype(int) - readers["pillow"](whole)).mean() < 8
path = pathlib.Path("frame.jpg")
path.write_bytes(frame)
try:
    told = str(kornia_rs.io.read_image_jpeg(str(path), "rgb"))
except Exception as error:  # a bare Exception is what it raises
    told = str(error).rpartition(": ")[2]
grey = np.unique(in_raylib(frame).reshape(-1, 3), axis=0).tolist()
assert len(np.unique(in_raylib(whole).reshape(-1, 3), axis=0)) > 16
print(f"as with tables: {', '.join(same)}; av {'decodes too' if near else 'fails'}; kornia-rs: {told}; raylib: {grey}")
assert same == list(readers) and near and told == "No DC table for component Y" and grey == [[128, 128, 128]]
EOF
