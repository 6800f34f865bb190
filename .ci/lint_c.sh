#!/bin/sh
# cppcheck and clang-tidy over generated C and the firmware's: a few seconds. Where one is not installed, it says so.
set -eu
cd "$(dirname "$0")/.."
out=build/lint
"${1:-.venv/bin}"/edgeblur export mask4 --engine stream --name mask4 --out "$out" --force >/dev/null
has() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "$1 is not installed, so C was not checked by it: sh .ci/install_system_packages.sh" >&2
    return 1
}
# Right shifts of negative numbers are arithmetic with every compiler in use, and tests run them on all cores.
if has cppcheck; then
    cppcheck --quiet --std=c99 --error-exitcode=1 --enable=warning,performance,portability -DEDGEBLUR_PORTABLE \
        --suppress=shiftTooManyBitsSigned "$out/mask4.c"
    # Memory lies between symbols of the linker; inline assembly reads the counter.
    cppcheck --quiet --std=c99 --error-exitcode=1 --enable=warning,performance,portability --suppress=missingInclude \
        --suppress=comparePointers --suppress=uninitvar:*timer_mcycle.c firmware_harness/firmware/*.c
fi
if has clang-tidy; then
    clang-tidy --quiet "$out/mask4.c" -- -std=c99 -DEDGEBLUR_PORTABLE 2>/dev/null
fi
