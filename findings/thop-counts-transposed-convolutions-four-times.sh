#!/usr/bin/env bash
# thop and torchinfo count a transposed convolution of stride 2 with four times its multiplications.
#
# Guess: all counters of MACs agree on a single layer: input pixels x input channels x output channels x kernel.
# Seen with thop 0.1.1 and torchinfo 1.8.0: they multiply *output* pixels by the whole kernel, which is right for a convolution
# and stride x stride times too much for a transposed one. ptflops 0.7.5, fvcore and PyTorch's own counter (which counts a
# multiplication and its addition as two) go by the input. The way up of a U-Net looks up to four times as dear as it is.
# Output: 2x2, stride 2, 8 to 4 channels on 16x16: by hand 32768, thop 131072, torchinfo 131072, ptflops 32768, fvcore 32768, torch 65536 / 2
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.14.1 thop==0.1.1.post2209072238 torchinfo==1.8.0 ptflops==0.7.5 \
    fvcore==0.1.5.post20221221 numpy==2.4.6
cd "$work" && "$work/venv/bin/python" -W ignore - 2>/dev/null <<'EOF'
import thop
import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from ptflops import get_model_complexity_info
from torch.utils.flop_counter import FlopCounterMode

net = torch.nn.Sequential(torch.nn.ConvTranspose2d(8, 4, kernel_size=2, stride=2, bias=False))
x = torch.zeros(1, 8, 16, 16)
with FlopCounterMode(display=False) as own:
    net(x)
counts = {
    "by hand": 16 * 16 * 8 * 4 * 2 * 2,
    "thop": int(thop.profile(net, (x,), verbose=False)[0]),
    "torchinfo": torchinfo.summary(net, input_data=x, verbose=0).total_mult_adds,
    "ptflops": get_model_complexity_info(net, (8, 16, 16), as_strings=False, print_per_layer_stat=False)[0],
    "fvcore": int(FlopCountAnalysis(net, x).total()),
    "torch": f"{own.get_total_flops()} / 2",
}
print("2x2, stride 2, 8 to 4 channels on 16x16:", ", ".join(f"{name} {count}" for name, count in counts.items()))
assert list(counts.values()) == [32768, 131072, 131072, 32768, 32768, "65536 / 2"]
EOF
