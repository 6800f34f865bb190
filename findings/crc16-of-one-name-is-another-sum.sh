#!/usr/bin/env bash
# "CRC-16" and "CRC-CCITT" are other sums in other packages: a frame that one wrote is damaged to another.
#
# Guess: a serial protocol that says "CRC-16" or "CRC-16/CCITT" has said which one.
# Seen with "123456789": "CRC-16" is 0x31C3 (XMODEM) in crccheck 1.3.1 and 0xBB3D (ARC) in crcmod-plus 2.3.6 and anycrc 2.1.0.
# "CCITT" is 0x2189 (KERMIT: bits reflected) in crccheck, anycrc and libscrc 1.8.1, while Python's own binascii.crc_hqx, which its
# documentation calls CRC-CCITT, is 0x31C3. The names without doubt are those of the RevEng catalogue (XMODEM, KERMIT, IBM-3740).
# Output: CRC-16: crccheck 31C3, crcmod BB3D, anycrc BB3D; CCITT: crccheck 2189, anycrc 2189, libscrc 2189, binascii 31C3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet anycrc==2.1.0 crccheck==1.3.1 crcmod-plus==2.3.6 libscrc==1.8.1
"$work/venv/bin/python" - <<'EOF'
import binascii

import anycrc
import libscrc
from crccheck import crc
from crcmod import predefined

check = b"123456789"
plain = {
    "crccheck": crc.Crc16.calc(check),
    "crcmod": predefined.mkPredefinedCrcFun("crc-16")(check),
    "anycrc": anycrc.Model("CRC16").calc(check),
}
ccitt = {
    "crccheck": crc.Crc16Ccitt.calc(check),
    "anycrc": anycrc.Model("CRC16-CCITT").calc(check),
    "libscrc": libscrc.ccitt(check),
    "binascii": binascii.crc_hqx(check, 0),
}
told = ["%s: %s" % (name, ", ".join(f"{who} {value:04X}" for who, value in sums.items()))
        for name, sums in (("CRC-16", plain), ("CCITT", ccitt))]
print("; ".join(told))
assert list(plain.values()) == [0x31C3, 0xBB3D, 0xBB3D] and list(ccitt.values()) == [0x2189, 0x2189, 0x2189, 0x31C3]
EOF
