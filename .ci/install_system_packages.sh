#!/bin/sh
# Install the Debian packages, and the one of npm, that the tests use, if any is missing and we may. Without them the tests that need
# them are skipped by name on a laptop, and fail where CI is set.
set -eu
missing=""
for pair in gcc:gcc g++:g++ clang:clang chromium:chromium qemu-system-arm:qemu-system-arm \
    qemu-system-riscv32:qemu-system-misc cmake:cmake make:make; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
# Cross compilers come without their C libraries.
command -v arm-none-eabi-gcc >/dev/null 2>&1 || missing="$missing gcc-arm-none-eabi libnewlib-arm-none-eabi"
command -v riscv64-unknown-elf-gcc >/dev/null 2>&1 || missing="$missing gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"
ldconfig -p 2>/dev/null | grep -q libGL.so.1 || missing="$missing libgl1 libglib2.0-0" # the detector's OpenCV wants it
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || missing="$missing nodejs npm" # emulates the Pico
rp2040js="rp2040js@1.4.1" # as in firmware_harness/boards/boards.toml
grep -qs '"version": "1.4.1"' "$(npm root --global 2>/dev/null)/rp2040js/package.json" && rp2040js=""
[ -z "$missing$rp2040js" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "not found, and no apt-get to install them:$missing $rp2040js" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1; then as_root="sudo"; else
    echo "not found, and no right to install them:$missing" >&2
    exit 0
fi
if [ -n "$missing" ]; then
    $as_root apt-get update -qq
    # shellcheck disable=SC2086  # the list is meant to be split
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
[ -z "$rp2040js" ] || $as_root npm install --global --silent "$rp2040js" >/dev/null
