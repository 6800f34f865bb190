#!/usr/bin/env bash
# 254 bytes without a zero take 255 bytes by one COBS package and 256 by another: the usual bound on buffers is one too small.
#
# Guess: one packet has one COBS encoding, and n bytes grow by at most ceil(n / 254), so that 255 bytes hold 254.
# Seen with cobs 1.2.2 of PyPI and cobs 0.2.1 of npm: where a packet ends on a full block of 254 bytes, npm's adds an empty
# block behind it, 01. Each reads the other's; a receiver with a buffer by the bound, or one that compares encoded packets or
# sums over them, does not.
# Output: 253: 254 254; 254: 255 256, ends in 01; 508: 510 511; read back by the other: True
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet cobs==1.2.2
npm install --silent --no-fund --no-audit cobs@0.2.1
cat >encode.js <<'EOF'
const cobs = require("cobs");
for (const size of [253, 254, 508]) console.log(cobs.encode(Buffer.alloc(size, 7)).toString("hex"));
EOF
node encode.js >theirs
venv/bin/python - <<'EOF'
from cobs import cobs

sizes = (253, 254, 508)
ours = [cobs.encode(b"\7" * size) for size in sizes]
theirs = [bytes.fromhex(line) for line in open("theirs")]
read = all(cobs.decode(packet) == b"\7" * size for packet, size in zip(theirs, sizes))
a, b, c = (f"{size}: {len(one)} {len(other)}" for size, one, other in zip(sizes, ours, theirs))
print(f"{a}; {b}, ends in {theirs[1][-1]:02x}; {c}; read back by the other: {read}")
assert [len(one) for one in ours] == [254, 255, 510] and [len(one) for one in theirs] == [254, 256, 511]
assert ours[0] == theirs[0] and ours[1] + b"\1" == theirs[1] and read
EOF
