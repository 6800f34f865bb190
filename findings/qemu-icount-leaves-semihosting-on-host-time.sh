#!/usr/bin/env bash
# Under QEMU's -icount, SysTick counts instructions, but semihosting's SYS_ELAPSED goes on with the host's clock.
#
# Guess: -icount makes all time that the guest can ask for a function of executed instructions, the same on every run.
# Seen with Debian's qemu-system-arm 1:7.2+dfsg-7+deb12u18+b3, mps2-an385, -icount shift=9 (512 ns an instruction): a loop
# of a million instructions is half a second by SysTick, and less than half of that by SYS_ELAPSED. A benchmark that reads
# its time through semihosting measures the computer, not the program, and differs from run to run.
# Output: exit code 3: half a second by SysTick, less than a quarter by SYS_ELAPSED
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial
apt-get install -qq -y --no-install-recommends --reinstall --download-only -o Dir::Cache::archives="$work/debs" \
    -o Debug::NoLocking=1 qemu-system-arm=1:7.2+dfsg-7+deb12u18+b3 binutils-arm-none-eabi=2.40-2+18+b1 \
    >apt.log 2>&1 || { cat apt.log; exit 1; }
for package in debs/*.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
cat >time.s <<'EOF'
    .syntax unified
    .cpu cortex-m3
    .thumb
    .word 0x20001000                @ stack
    .word start + 1
    .global start
    .thumb_func
start:
    ldr r4, =0xE000E010             @ SysTick: full range, core clock (25 MHz), no interrupt
    ldr r0, =0xFFFFFF
    str r0, [r4, #4]
    str r0, [r4, #8]
    movs r0, #5
    str r0, [r4]
    ldr r5, =0x20000100
    bl elapsed
    ldr r6, [r5]                    @ nanoseconds before, lower word
    ldr r7, [r4, #8]
    ldr r0, =500000
loop:
    subs r0, #1
    bne loop
    ldr r0, [r4, #8]
    subs r7, r7, r0                 @ ticks
    bl elapsed
    ldr r0, [r5]
    subs r6, r0, r6                 @ nanoseconds
    movs r2, #0
    ldr r0, =12500000
    cmp r7, r0
    it hs
    orrhs r2, #1                    @ 1: SysTick saw half a second
    ldr r0, =250000000
    cmp r6, r0
    it lo
    orrlo r2, #2                    @ 2: SYS_ELAPSED saw less than a quarter
    ldr r0, =0x20026                @ an application's exit ...
    str r0, [r5]
    str r2, [r5, #4]                @ ... with this code
    mov r1, r5
    movs r0, #0x20                  @ SYS_EXIT_EXTENDED
    bkpt 0xab
elapsed:
    mov r1, r5
    movs r0, #0x30                  @ SYS_ELAPSED
    bkpt 0xab
    bx lr
EOF
root/usr/bin/arm-none-eabi-as -o time.o time.s
root/usr/bin/arm-none-eabi-ld -Ttext=0 -e start -o time.elf time.o
code=0
timeout 60 root/usr/bin/qemu-system-arm -L root/usr/share/qemu -M mps2-an385 -nographic -icount shift=9 \
    -semihosting-config enable=on,target=native -kernel time.elf || code=$?
echo "exit code $code"
[ "$code" = 3 ]
