#!/bin/sh
# Install the Debian packages, and the one of npm, that the tests use, if any is missing and we may; with `demo`, only
# those that `make demo` uses. Without them the tests that need them are skipped by name on a laptop, and fail where CI
# is set; the demo says what it lacks and goes on.
set -eu
demo=""
[ "${1:-}" != demo ] || demo=yes
missing=""
need() { # need PROGRAM PACKAGES
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need gcc gcc
need qemu-system-arm qemu-system-arm
need arm-none-eabi-gcc "gcc-arm-none-eabi libnewlib-arm-none-eabi" # cross compilers come without their C libraries
ldconfig -p 2>/dev/null | grep -q libGL.so.1 || missing="$missing libgl1 libglib2.0-0" # the detector's OpenCV wants it
rp2040js=""
if [ -z "$demo" ]; then
    need g++ g++
    need clang clang
    need clang-tidy clang-tidy
    ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer* >/dev/null 2>&1 || missing="$missing libclang-rt-dev"
    need cppcheck cppcheck
    need wasm-ld lld
    need chromium chromium
    need qemu-system-riscv32 qemu-system-misc
    need riscv64-unknown-elf-gcc "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"
    need cmake cmake
    need make make
    { command -v node && command -v npm; } >/dev/null 2>&1 || missing="$missing nodejs npm" # emulates the Pico
    rp2040js="rp2040js@1.4.1" # as in firmware_harness/boards/boards.toml
    grep -qs '"version": "1.4.1"' "$(npm root --global 2>/dev/null)/rp2040js/package.json" && rp2040js=""
fi
[ -z "$missing$rp2040js" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "not found, and no apt-get to install them:$missing $rp2040js" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then as_root=""; elif command -v sudo >/dev/null 2>&1; then as_root="sudo"; else
    echo "not found, and no right to install them:$missing $rp2040js" >&2
    exit 0
fi
install() {
    $as_root apt-get update -qq &&
        # shellcheck disable=SC2086  # the list is meant to be split
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
if [ -n "$missing" ] && ! install; then
    echo "not found, and apt-get could not install them:$missing" >&2
    [ -n "$demo" ] # the demo goes on without them
fi
[ -z "$rp2040js" ] || $as_root npm install --global --silent "$rp2040js" >/dev/null
