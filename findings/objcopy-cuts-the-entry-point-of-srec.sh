#!/usr/bin/env bash
# GNU objcopy cuts the entry point when it writes S-records: 0x001779B8 becomes 0x79B8 when the data lies low.
#
# Guess: the terminating record is as wide as the entry point needs, or objcopy says that it does not fit.
# Seen with Debian's binutils-arm-none-eabi 2.40-2+18+b1 on an Intel HEX file whose byte lies at 0 and whose entry point
# is 0x001779B8 (type 05): the record's width follows the data's addresses, exit code 0, no word. srec_cat 1.64 of
# Debian's srecord writes S8 with the whole address. A loader that trusts S9 jumps to another place.
# Output: objcopy S90379B8CB; srec_cat S8041779B8B3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq binutils-arm-none-eabi=2.40-2+18+b1 srecord=1.64-3 libsrecord0=1.64-3 2>apt.log || { cat apt.log; exit 1; }
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
printf '%s\n' :0100000001FE :04000005001779B8AF :00000001FF >image.hex
root/usr/bin/arm-none-eabi-objcopy -I ihex -O srec image.hex objcopy.srec
root/usr/bin/srec_cat image.hex -Intel -o srec_cat.srec -Motorola
objcopy=$(tail -n 1 objcopy.srec | tr -d '\r')
srec_cat=$(tail -n 1 srec_cat.srec | tr -d '\r')
echo "objcopy $objcopy; srec_cat $srec_cat"
[ "$objcopy" = S90379B8CB ]
[ "$srec_cat" = S8041779B8B3 ]
