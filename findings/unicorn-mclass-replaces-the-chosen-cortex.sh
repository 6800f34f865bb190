#!/usr/bin/env bash
# Unicorn's UC_MODE_MCLASS silently replaces the Cortex-M that was chosen by a Cortex-M33.
#
# Guess: mode says "M profile", ctl_set_cpu_model says which one; a Cortex-M0 then refuses UDIV, MOVW, SMLAD and VADD.
# Seen with unicorn 2.1.4: with UC_MODE_THUMB | UC_MODE_MCLASS all of them run and the model that is read back is the M33;
# with UC_MODE_THUMB alone the chosen Cortex-M0 refuses all four. Tests "on an M0" prove nothing about an M0.
# Output: asked for 7 thumb: (7, []) thumb+mclass: (11, ['udiv', 'movw', 'smlad', 'vadd.f32'])
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet unicorn==2.1.4
cd "$work" && PYTHONPATH="$here" "$work/venv/bin/python" - <<'EOF'
from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M33

INSTRUCTIONS = {"udiv": "b0fbf1f0", "movw": "41f23420", "smlad": "20fb0120", "vadd.f32": "30ee200a"}


def tried(mode):
    """Return the CPU model in use, and which instructions of larger cores run on a chosen Cortex-M0."""
    runs = []
    for name, code in INSTRUCTIONS.items():
        emulator = Uc(UC_ARCH_ARM, mode)
        emulator.ctl_set_cpu_model(UC_CPU_ARM_CORTEX_M0)
        emulator.mem_map(0, 0x1000)
        emulator.mem_write(0, bytes.fromhex(code))
        try:
            emulator.emu_start(1, 4, count=1)
        except UcError:
            continue
        runs.append(name)
    return emulator.ctl_get_cpu_model(), runs


thumb, mclass = tried(UC_MODE_THUMB), tried(UC_MODE_THUMB | UC_MODE_MCLASS)
print("asked for", UC_CPU_ARM_CORTEX_M0, "thumb:", thumb, "thumb+mclass:", mclass)
assert thumb == (UC_CPU_ARM_CORTEX_M0, [])
assert mclass == (UC_CPU_ARM_CORTEX_M33, list(INSTRUCTIONS))
EOF
