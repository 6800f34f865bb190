#!/usr/bin/env bash
# MediaPipe's FaceDetection ignores min_detection_confidence: 0.9 still returns a face of 0.52, 0.0 finds no more.
#
# Guess: the documented threshold filters what is returned; lower it to lose fewer faces, raise it for fewer false ones.
# Seen with mediapipe 0.10.14 (solutions.face_detection), on a public domain portrait that scikit-image brings, cut
# through the face: the same detection at every value from 0.0 to 0.9. Filter by score yourself; below 0.5 there is none.
# Output: confidence 0.0, 0.3, 0.5, 0.9 -> scores [0.52] each time
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mediapipe==0.10.14 scikit-image==0.26.0 numpy==1.26.4
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import mediapipe
import numpy as np
from skimage.data import astronaut

half_a_face = np.ascontiguousarray(astronaut()[:, 215:])
found = {}
for confidence in (0.0, 0.3, 0.5, 0.9):
    with mediapipe.solutions.face_detection.FaceDetection(min_detection_confidence=confidence) as detector:
        detections = detector.process(half_a_face).detections or []
    found[confidence] = [round(detection.score[0], 2) for detection in detections]
print(found)
assert all(scores == found[0.0] for scores in found.values())
assert len(found[0.9]) == 1 and found[0.9][0] < 0.6
EOF
