#!/usr/bin/env bash
# GCC's -fstack-usage leaves out the argument registers that a variadic function spills, and half-passed structs.
#
# Guess: the .su file says what the function takes from the stack, saved and spilled registers and all.
# Seen with Debian's gcc-arm-none-eabi 15:12.2.rel1-1, -Os for a Cortex-M4: the 16 bytes of r0 to r3 that a function with
# "..." or with a struct partly in registers, partly on the stack, pushes first are not in its figure; a struct that fits
# the registers is counted. Executed in unicorn 2.1.4, the stack pointer goes as low as the disassembly says. Call chains
# added up from .su files, with a logging function at their end, are too short.
# Output: said, took: {'plain': (40, 40), 'in_registers': (16, 16), 'in_part': (0, 16), 'variadic': (8, 24)}
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial
apt-get install -qq -y --no-install-recommends --reinstall --download-only -o Dir::Cache::archives="$work/debs" \
    -o Debug::NoLocking=1 gcc-arm-none-eabi=15:12.2.rel1-1 binutils-arm-none-eabi=2.40-2+18+b1 >apt.log 2>&1 || { cat apt.log; exit 1; }
for package in debs/*.deb; do dpkg -x "$package" root; done
python3 -m venv venv
venv/bin/pip install --quiet unicorn==2.1.4
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu
cat >taken.c <<'EOF'
#include <stdarg.h>

struct row { int cells[4]; };
struct long_row { int cells[6]; };

int plain(int value)
{
    volatile int cells[10];
    cells[9] = value;
    return cells[9];
}

int variadic(int count, ...)
{
    va_list more;
    va_start(more, count);
    int value = va_arg(more, int);
    va_end(more);
    return value;
}

int in_registers(struct row row, int place)
{
    return row.cells[place];
}

int in_part(struct long_row row, int place)
{
    return row.cells[place];
}
EOF
root/usr/bin/arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -Os -fstack-usage -c taken.c
root/usr/bin/arm-none-eabi-objcopy -O binary -j .text taken.o taken.bin
root/usr/bin/arm-none-eabi-nm taken.o >taken.symbols
venv/bin/python - <<'EOF'
from pathlib import Path

from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_THUMB, Uc
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_SP, UC_CPU_ARM_CORTEX_M4

TOP, HOME = 0x20000800, 0x800
said = {line.split()[0].rsplit(":", 1)[1]: int(line.split()[1]) for line in Path("taken.su").read_text().splitlines()}
places = {line.split()[2]: int(line.split()[0], 16) for line in Path("taken.symbols").read_text().splitlines()}


def took(name):
    """Execute the function; return how far the stack pointer went down."""
    core = Uc(UC_ARCH_ARM, UC_MODE_THUMB)
    core.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M4)
    core.mem_map(0, 0x1000)
    core.mem_map(0x20000000, 0x1000)
    core.mem_write(0, Path("taken.bin").read_bytes())
    core.reg_write(UC_ARM_REG_SP, TOP)
    core.reg_write(UC_ARM_REG_LR, HOME | 1)
    depths = []
    core.hook_add(UC_HOOK_CODE, lambda *_: depths.append(TOP - core.reg_read(UC_ARM_REG_SP)))
    core.emu_start(places[name] | 1, HOME, count=100)
    return max(depths)


found = {name: (said[name], took(name)) for name in ("plain", "in_registers", "in_part", "variadic")}
print("said, took:", found)
assert found["plain"][0] == found["plain"][1]
assert found["in_registers"][0] == found["in_registers"][1]
assert found["variadic"][1] == found["variadic"][0] + 16
assert found["in_part"][1] == found["in_part"][0] + 16
EOF
