#!/usr/bin/env bash
# dlib's face boxes reach outside the picture, and a NumPy slice by one is empty: the face stays as it was.
#
# Guess: boxes are clipped to the picture, or blurring picture[top:bottom, left:right] touches at least what is visible.
# Seen with dlib-bin 20.0.1.post1, on a public domain portrait that scikit-image brings, its left cut off close to
# the face: left is -23, which NumPy reads as "23 before the end". No error, nothing anonymized. (Its right and bottom are part of
# the box, too: width() is right - left + 1.)
# Output: box left -23 right 74 width 98; slice (88, 0, 3)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet dlib-bin==20.0.1.post1 scikit-image==0.26.0 numpy==2.4.6
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import dlib
import numpy as np
from skimage.data import astronaut

picture = np.ascontiguousarray(astronaut()[:, 200:])
(box,) = dlib.get_frontal_face_detector()(picture, 0)
region = picture[box.top() : box.bottom() + 1, box.left() : box.right() + 1]
print("box left", box.left(), "right", box.right(), "width", box.width(), "slice", region.shape)
assert box.left() < 0 and region.size == 0
assert box.width() == box.right() - box.left() + 1
EOF
