#!/usr/bin/env bash
# Resetting rp2040js's chip, or loading its boot ROM, erases the flash.
#
# Guess: reset() starts the program in flash again, as the RUN pin does; a boot ROM may be loaded before or after.
# Seen with rp2040js 1.4.1: reset() fills the flash with 0xFF, and loadBootrom() calls reset(); a program that was loaded
# first is gone, and a test that resets between two cases runs nothing in the second.
# Output: flash [ 1, 2, 3, 4 ] after reset [ 255, 255, 255, 255 ] after loadBootrom [ 255, 255, 255, 255 ]
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-fund --no-audit rp2040js@1.4.1
node - <<'EOF'
const assert = require("assert");
const { Simulator } = require("rp2040js");

const chip = new Simulator().rp2040;
const start = () => Array.from(chip.flash.subarray(0, 4));
const program = Uint8Array.of(1, 2, 3, 4);
chip.flash.set(program);
const before = start();
chip.reset();
const reset = start();
chip.flash.set(program);
chip.loadBootrom(new Uint32Array(4096));
const rom = start();
console.log("flash", before, "after reset", reset, "after loadBootrom", rom);
assert.deepStrictEqual(before, [1, 2, 3, 4]);
assert.deepStrictEqual(reset, [255, 255, 255, 255]);
assert.deepStrictEqual(rom, [255, 255, 255, 255]);
EOF
