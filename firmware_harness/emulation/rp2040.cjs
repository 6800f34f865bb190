/* An RP2040 that runs one firmware file: rp2040js executes, this script brings memory, files and a counter.
 *
 *     node rp2040.cjs firmware.elf
 *
 * The firmware starts at the vector table at the beginning of flash, as it would behind a second stage of the boot ROM.
 * BKPT 0xAB is semihosting ("Semihosting for AArch32 and AArch64", 2023Q3): files of the current folder, the end, and
 * SYS_ELAPSED, which gives the cycles of the core so far. rp2040js counts them as the Cortex-M0+ with the RP2040's
 * single-cycle multiplier takes them; flash is as fast as RAM here, as it is on the chip while its cache hits. */
"use strict";
const fs = require("node:fs");
const { RP2040 } = require("rp2040js");

const FLASH = 0x10000000;
const RAM = 0x20000000;
const EXIT_FAULT = 3;
const PT_LOAD = 1;

const chip = new RP2040();
const core = chip.core;
let ended = null; /* the exit code, once there is one */

/* Whatever the emulator complains about, an address without memory or an unknown instruction, is a fault of the chip. */
function fault(component, message) {
    if (ended === null) {
        ended = EXIT_FAULT;
        fs.writeFileSync("report.txt", `fault_pc ${(core.PC >>> 0).toString(16)}\nfault_lr ${(core.LR >>> 0).toString(16)}\n`);
        process.stderr.write(`${component}: ${message}\n`);
    }
}
chip.logger = { debug() {}, info() {}, warn: fault, error: fault };

/* Segments of an ELF file for 32 bits, little endian, at their load addresses. */
function load(image) {
    const first = image.readUInt32LE(28), size = image.readUInt16LE(42), count = image.readUInt16LE(44);
    for (let i = 0; i < count; ++i) {
        const at = first + i * size;
        const [type, offset, , address, bytes] = [0, 4, 8, 12, 16].map((field) => image.readUInt32LE(at + field));
        if (type === PT_LOAD && bytes > 0) {
            chip.flash.set(image.subarray(offset, offset + bytes), address - FLASH);
        }
    }
}

/* `size` bytes of the chip's memory, to read or to write. */
function memory(address, size) {
    const [bytes, origin] = address >= RAM ? [chip.sram, RAM] : [chip.flash, FLASH];
    return bytes.subarray(address - origin, address - origin + size);
}

const files = [];

/* One call of semihosting: the operation's number and its argument, what r0 shall be afterwards. */
const calls = {
    0x01(block) { /* SYS_OPEN: name, mode, length of the name */
        const [name, mode, length] = words(block, 3);
        const path = Buffer.from(memory(name, length)).toString("latin1");
        files.push(fs.openSync(path, mode >= 4 ? "w" : "r"));
        return files.length; /* a handle is never 0 */
    },
    0x05(block) { /* SYS_WRITE: handle, bytes, size; gives the number of bytes that were not written */
        const [handle, bytes, size] = words(block, 3);
        return size - fs.writeSync(files[handle - 1], memory(bytes, size));
    },
    0x06(block) { /* SYS_READ: handle, bytes, size; gives the number of bytes that were not read */
        const [handle, bytes, size] = words(block, 3);
        return size - fs.readSync(files[handle - 1], memory(bytes, size), 0, size, null);
    },
    0x18() { /* SYS_EXIT */
        ended = 0;
        return 0;
    },
    0x30(block) { /* SYS_ELAPSED: 64 bits of cycles */
        chip.writeUint32(block, core.cycles >>> 0);
        chip.writeUint32(block + 4, Math.floor(core.cycles / 2 ** 32));
        return 0;
    },
};

function words(block, count) {
    return Array.from({ length: count }, (_, i) => chip.readUint32(block + 4 * i));
}

chip.onBreak = (code) => {
    const call = code === 0xab ? calls[core.registers[0]] : undefined;
    if (call === undefined) {
        fault("BKPT", `0x${code.toString(16)} is no call of semihosting that is known here`);
    } else {
        core.registers[0] = call(core.registers[1]);
    }
};

load(fs.readFileSync(process.argv[2]));
core.VTOR = FLASH;
core.reset();
while (ended === null) {
    core.executeInstruction();
}
process.exit(ended);
