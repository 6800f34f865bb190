#!/usr/bin/env bash
# At 250 MHz, SysTick in rp2040js counts two ticks a cycle, and the microsecond timer goes on as if at 125 MHz.
#
# Guess: SysTick on the core clock counts core cycles at any clock; only microseconds change with the PLL.
# Seen with rp2040js 1.4.1: the simulator always spends 8 ns a cycle, while SysTick's rate follows the PLL registers. So a
# frame measured by SysTick at 200 MHz looks 1.6 times as long as it is, and by the timer as slow as at 125 MHz.
# Output: { clkSys: 125000000, cycles: 76802, systick: 76803, micros: 614 }
#         { clkSys: 250000000, cycles: 76802, systick: 153605, micros: 614 }
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit rp2040js@1.4.1
node - <<'EOF'
const assert = require("assert");
const { Simulator, ConsoleLogger, LogLevel } = require("rp2040js");

const TIMERAWL = 0x40054028;
const SYST_CSR = 0xe000e010;
const SYST_CVR = 0xe000e018;

/** Runs a loop that counts 25,600 down, with the system PLL at so many MHz. */
function measured(megahertz) {
  const simulator = new Simulator();
  const chip = simulator.rp2040;
  chip.logger = new ConsoleLogger(LogLevel.Error, false);
  chip.writeUint32(0x40028008, 125); // PLL_SYS FBDIV: 12 MHz * 125 = 1500 MHz
  chip.writeUint32(0x4002800c, (6 << 16) | ((250 / megahertz) << 12)); // PLL_SYS PRIM: post dividers 6 and 1 or 2
  chip.writeUint32(0x4000803c, 1); // CLK_SYS from PLL_SYS
  // movs r0, #100; lsls r0, #8; loop: subs r0, #1; bne loop; bkpt
  [0x2064, 0x0200, 0x3801, 0xd1fd, 0xbe00].forEach((code, i) => chip.writeUint16(0x20000000 + 2 * i, code));
  chip.core.PC = 0x20000000;
  chip.writeUint32(0xe000e014, 0xffffff);
  chip.writeUint32(SYST_CVR, 0);
  chip.writeUint32(SYST_CSR, 5);
  const [cycles, ticks, micros] = [chip.core.cycles, chip.readUint32(SYST_CVR), chip.readUint32(TIMERAWL)];
  simulator.execute();
  simulator.stop();
  return {
    clkSys: chip.clkSys,
    cycles: chip.core.cycles - cycles,
    systick: (ticks - chip.readUint32(SYST_CVR)) & 0xffffff,
    micros: chip.readUint32(TIMERAWL) - micros,
  };
}

const slow = measured(125);
const fast = measured(250);
console.log(slow, fast);
assert.deepStrictEqual([slow.clkSys, fast.clkSys], [125e6, 250e6]);
assert.strictEqual(slow.cycles, fast.cycles);
assert(Math.abs(slow.systick - slow.cycles) < 3);
assert(Math.abs(fast.systick - 2 * fast.cycles) < 5);
assert.strictEqual(slow.micros, fast.micros);
EOF
