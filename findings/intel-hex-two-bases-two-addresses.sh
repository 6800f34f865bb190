#!/usr/bin/env bash
# An Intel HEX file with a segment base and then a linear base has two addresses for its byte, by who reads it.
#
# Guess: the later record replaces the earlier one's base, for everybody.
# Seen with bincopy 20.1.1, intelhex 2.3.0, hexrec 0.5.1: 02:1000 then 04:0002 is 0x20000 in intelhex and hexrec (and in
# srec_cat 1.64), but 0x30000 in bincopy (and in GNU objcopy 2.40), which adds both. Such files come from joining the
# output of an old 8086-style linker (type 02) with a bootloader's (type 04): the second part lands 64 KiB off.
# Output: bincopy 0x30000, intelhex 0x20000, hexrec 0x20000
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet bincopy==20.1.1 intelhex==2.3.0 hexrec==0.5.1
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
import bincopy
import hexrec
import intelhex


def record(address, kind, data=b""):
    """Return a line of an Intel HEX file."""
    body = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return ":" + (body + bytes([-sum(body) & 0xFF])).hex().upper() + "\n"


with open("image.hex", "w") as file:
    file.write(record(0, 2, b"\x10\x00") + record(0, 4, b"\x00\x02") + record(0, 0, b"\x07") + record(0, 1))
found = {
    "bincopy": bincopy.BinFile("image.hex").minimum_address,
    "intelhex": intelhex.IntelHex("image.hex").minaddr(),
    "hexrec": hexrec.load("image.hex").memory.to_blocks()[0][0],
}
print({name: hex(address) for name, address in found.items()})
assert found == {"bincopy": 0x30000, "intelhex": 0x20000, "hexrec": 0x20000}
EOF
