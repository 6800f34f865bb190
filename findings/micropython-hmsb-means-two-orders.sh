#!/usr/bin/env bash
# In MicroPython's framebuf, "HMSB" puts the first pixel into the low bits for one and two bits a pixel, and high for four.
#
# Guess: one suffix, one order: the first pixel of a byte stands in its most significant bits.
# Seen with MicroPython 1.27.0 (its WebAssembly build): a 1 at x = 0 is 01 in MONO_HMSB and GS2_HMSB, and 10 in GS4_HMSB.
# A picture packed on a computer for one depth is mirrored in groups at another.
# Output: MONO_HMSB 01 GS2_HMSB 01 GS4_HMSB 10
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit @micropython/micropython-webassembly-pyscript@1.27.0
cat >pixels.mjs <<'EOF'
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript";

const micropython = await loadMicroPython({ stdout: (line) => console.log(line) });
micropython.runPython(`
import framebuf

said = []
for name in ("MONO_HMSB", "GS2_HMSB", "GS4_HMSB"):
    data = bytearray(4)
    framebuf.FrameBuffer(data, 8, 1, getattr(framebuf, name)).pixel(0, 0, 1)
    said += [name, data[:1].hex()]
print(*said)
`);
EOF
said=$(node pixels.mjs)
echo "$said"
[ "$said" = "MONO_HMSB 01 GS2_HMSB 01 GS4_HMSB 10" ]
