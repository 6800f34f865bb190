#!/usr/bin/env bash
# Two Intel HEX files joined by "cat": bincopy has both parts, intelhex and hexrec the first alone, and nobody complains.
#
# Guess: what stands after an end record is read by all, or is an error.
# Seen with bincopy 20.1.1, intelhex 2.3.0, hexrec 0.5.1: a boot loader and an application joined that way are flashed
# whole by one tool and without the application by another (GNU objcopy 2.40 and srec_cat 1.64 stop at the first end, too).
# Output: {'bincopy': ['0x0', '0x8000'], 'intelhex': ['0x0'], 'hexrec': ['0x0']}
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet bincopy==20.1.1 intelhex==2.3.0 hexrec==0.5.1
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import warnings

import bincopy
import hexrec
import intelhex

warnings.simplefilter("error")
END = ":00000001FF\n"
with open("joined.hex", "w") as file:
    file.write(":0100000001FE\n" + END + ":01800000027D\n" + END)
found = {
    "bincopy": [segment.address for segment in bincopy.BinFile("joined.hex").segments],
    "intelhex": [start for start, _ in intelhex.IntelHex("joined.hex").segments()],
    "hexrec": [start for start, _ in hexrec.load("joined.hex").memory.to_blocks()],
}
print({name: [hex(start) for start in starts] for name, starts in found.items()})
assert found == {"bincopy": [0, 0x8000], "intelhex": [0], "hexrec": [0]}
EOF
