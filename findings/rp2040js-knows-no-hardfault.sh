#!/usr/bin/env bash
# Nothing faults in rp2040js: unaligned words, addresses without memory and UDF go on, and a store changes the flash.
#
# Guess: what stops a Cortex-M0+ with a HardFault (as it does in QEMU's Cortex-M0) stops here, or ends the run.
# Seen with rp2040js 1.4.1: an unaligned load gives the bytes in the middle, a hole reads as 0xFFFFFFFF, UDF is passed over
# and a store into XIP flash is kept. A log line at most; the program that crashes on a board passes in the emulator.
# Output: unaligned 88112233 hole ffffffff flash 12345678 (and IPSR 0, PC one further, in all four)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit rp2040js@1.4.1
node - <<'EOF'
const assert = require("assert");
const { Simulator } = require("rp2040js");

const HARDFAULT = 3;
const LOAD = 0x6802; // ldr r2, [r0]
const STORE = 0x6002; // str r2, [r0]
const UNDEFINED = 0xde00; // udf #0
const chip = new Simulator().rp2040;
chip.logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Executes one instruction in RAM; returns r2 after it. */
function step(code, address, value) {
  chip.writeUint16(0x20000100, code);
  chip.core.registers[0] = address;
  chip.core.registers[2] = value;
  chip.core.PC = 0x20000100;
  chip.core.executeInstruction();
  assert.notStrictEqual(chip.core.IPSR, HARDFAULT);
  assert.strictEqual(chip.core.IPSR, 0);
  assert.ok(chip.core.PC > 0x20000100 && chip.core.PC < 0x20000108);
  return chip.core.registers[2] >>> 0;
}

chip.writeUint32(0x20000000, 0x11223344);
chip.writeUint32(0x20000004, 0x55667788);
const unaligned = step(LOAD, 0x20000001, 0);
const hole = step(LOAD, 0x30000000, 0);
step(UNDEFINED, 0, 0);
step(STORE, 0x10000000, 0x12345678);
const flash = chip.readUint32(0x10000000);
console.log("unaligned", unaligned.toString(16), "hole", hole.toString(16), "flash", flash.toString(16));
assert.deepStrictEqual([unaligned, hole, flash], [0x88112233, 0xffffffff, 0x12345678]);
EOF
