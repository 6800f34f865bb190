#!/usr/bin/env bash
# adafruit_framebuf's RGB565 takes 0xRRGGBB where MicroPython's framebuf takes the 565 word: red 0xF800 turns green.
#
# Guess: a port with the same constructor, methods and format name stores the same bytes for the same call.
# Seen with adafruit-circuitpython-framebuf 1.6.12 and MicroPython 1.27.0 (its WebAssembly build): pixel(0, 0, 0xF800) is
# 00 f8, red, in MicroPython and c0 07, green, in the port, which does not even read back 0xF800. The one-bit formats
# differ, too: the port's MHMSB is MicroPython's MONO_HLSB, not its MONO_HMSB.
# Output: micropython 00f8 0xf800 MONO_HLSB 80 MONO_HMSB 01
#         port c007 0xe600 MHMSB 80
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet adafruit-circuitpython-framebuf==1.6.12
npm install --silent --no-fund --no-audit @micropython/micropython-webassembly-pyscript@1.27.0
cat >original.mjs <<'EOF'
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript";

const micropython = await loadMicroPython({ stdout: (line) => console.log(line) });
micropython.runPython(`
import framebuf

data = bytearray(2)
buffer = framebuf.FrameBuffer(data, 1, 1, framebuf.RGB565)
buffer.pixel(0, 0, 0xF800)
said = [data.hex(), hex(buffer.pixel(0, 0))]
for name in ("MONO_HLSB", "MONO_HMSB"):
    data = bytearray(1)
    framebuf.FrameBuffer(data, 8, 1, getattr(framebuf, name)).pixel(0, 0, 1)
    said += [name, data.hex()]
print(*said)
`);
EOF
cat >port.py <<'EOF'
import adafruit_framebuf

data = bytearray(2)
buffer = adafruit_framebuf.FrameBuffer(data, 1, 1, adafruit_framebuf.RGB565)
buffer.pixel(0, 0, 0xF800)
bits = bytearray(1)
adafruit_framebuf.FrameBuffer(bits, 8, 1, adafruit_framebuf.MHMSB).pixel(0, 0, 1)
print(data.hex(), hex(buffer.pixel(0, 0)), "MHMSB", bits.hex())
EOF
original=$(node original.mjs)
port=$(venv/bin/python port.py)
echo "micropython $original"
echo "port $port"
[ "$original" = "00f8 0xf800 MONO_HLSB 80 MONO_HMSB 01" ]
[ "$port" = "c007 0xe600 MHMSB 80" ]
