#!/bin/sh
# cppcheck and clang-tidy over generated C and the firmware's: a few seconds. Where one is not installed, it says so.
set -eu
cd "$(dirname "$0")/.."
out=build/lint bin=${1:-.venv/bin}
"$bin"/edgeblur export mask4 --engine stream --name mask4 --out "$out" --force >/dev/null
# Every kernel of 16 bits in one net; clang-tidy takes 20 s for it, and takes a window that lies outside of its plane for possible.
PYTHONPATH=tests/helpers "$bin"/python -c "
import sys
from code_samples import every_kernel_int16
from edgeblur.export.tflite.writer import write_tflite
sys.stdout.buffer.write(write_tflite(every_kernel_int16()))" >build/wide.tflite
"$bin"/edgeblur export build/wide.tflite --engine stream --name wide --out build/wide --force >/dev/null
has() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "$1 is not installed, so C was not checked by it: sh .ci/install_system_packages.sh" >&2
    return 1
}
# Right shifts of negative numbers are arithmetic with every compiler in use, and tests run them on all cores.
if has cppcheck; then
    cppcheck --quiet --std=c99 --error-exitcode=1 --enable=warning,performance,portability -DEDGEBLUR_PORTABLE \
        --suppress=shiftTooManyBitsSigned "$out/mask4.c" build/wide/wide.c
    # Memory lies between symbols of the linker; inline assembly reads the counter.
    cppcheck --quiet --std=c99 --error-exitcode=1 --enable=warning,performance,portability --suppress=missingInclude \
        --suppress=comparePointers --suppress=uninitvar:*timer_mcycle.c firmware_harness/firmware/*.c
fi
if has clang-tidy; then
    clang-tidy --quiet "$out/mask4.c" -- -std=c99 -DEDGEBLUR_PORTABLE 2>/dev/null
fi
