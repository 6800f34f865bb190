#!/usr/bin/env bash
# image-similarity-measures takes every picture for one of 12 bits: the PSNR of 8-bit pictures is 24 dB too high.
#
# Guess: psnr() of two uint8 pictures takes 255 for white, as scikit-image and sewar do.
# Seen with image-similarity-measures 0.3.6: white is 4095 by default (max_p), whatever the pictures' type, so that noise of
# 6 steps is 56.7 dB instead of 32.6; rmse() is 0.0015, a share of the same white; ssim() is nearer to 1 than it should be.
# Output: psnr 56.70 where scikit-image 32.59; with max_p=255 32.59; difference 24.11 dB
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet image-similarity-measures==0.3.6 scikit-image==0.20.0 numpy==1.26.4
cd "$work" && "$work/venv/bin/python" -W ignore - <<'EOF'
import numpy as np
from image_similarity_measures.quality_metrics import psnr
from skimage.metrics import peak_signal_noise_ratio

random = np.random.default_rng(0)
before = random.integers(0, 256, (64, 64, 3)).astype(np.uint8)
after = np.clip(before.astype(int) + random.integers(-10, 11, before.shape), 0, 255).astype(np.uint8)
told, usual, asked = psnr(before, after), peak_signal_noise_ratio(before, after), psnr(before, after, max_p=255)
print(f"psnr {told:.2f} where scikit-image {usual:.2f}; with max_p=255 {asked:.2f}; difference {told - usual:.2f} dB")
assert abs(told - usual - 20 * np.log10(4095 / 255)) < 0.01 and abs(asked - usual) < 0.01
EOF
