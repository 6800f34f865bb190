/* SPDX-License-Identifier: Apache-2.0 */
/* An RP2040 that runs one firmware file: rp2040js executes, this script brings boot ROM, second core, files and a counter.
 *
 *     node rp2040.cjs firmware.elf
 *
 * It starts as the chip does: the boot ROM copies the first 256 bytes of flash to the end of RAM, refuses them unless
 * their CRC-32 is right, and runs them (RP2040 datasheet, 2.8.1). The second core waits in the boot ROM for six words
 * (2.8.2). Both take turns, whichever is behind; that they wait for each other at the memory's ports is not counted.
 *
 * BKPT 0xAB is semihosting ("Semihosting for AArch32 and AArch64", 2023Q3): files of the current folder, the end, and
 * SYS_ELAPSED, which gives the cycles of the core so far. rp2040js counts them as the Cortex-M0+ with the RP2040's
 * single-cycle multiplier takes them; flash is as fast as RAM here, as it is on the chip while its cache hits. */
"use strict";
const fs = require("node:fs");
const { RP2040 } = require("rp2040js");

const FLASH = 0x10000000;
const FLASH_END = 0x18000000; /* of all its aliases; SSI follows */
const RAM = 0x20000000;
const SIO = 0xd0000000;
const BOOT2_BYTES = 256;
const BOOT2_AT = 0x20041f00;
const EXIT_FAULT = 3;
const PT_LOAD = 1;

const chip = new RP2040();
let ended = null; /* the exit code, once there is one */
let running; /* the core that executes */

/* Whatever the emulator complains about, an address without memory or an unknown instruction, is a fault of the chip. */
function fault(component, message) {
    if (ended === null) {
        ended = EXIT_FAULT;
        const [pc, lr] = [running.PC, running.LR].map((register) => (register >>> 0).toString(16));
        fs.writeFileSync("report.txt", `fault_pc ${pc}\nfault_lr ${lr}\n`);
        process.stderr.write(`${component}: ${message}\n`);
    }
}
chip.logger = { debug() {}, info: (component, message) => message === "SEV" && signal(), warn: fault, error: fault };

/* A Cortex-M0+ of the chip: what it may not do is a fault, and of SIO it sees its own side. */
class Core extends chip.core.constructor {
    constructor(number) {
        super(chip);
        this.number = number;
        this.mail = []; /* words from the other core */
    }

    checked(address, size, write) {
        address >>>= 0;
        if (address % size !== 0) {
            fault("Core", `${size} bytes at 0x${address.toString(16)}, which is not aligned`);
        } else if (write && address >= FLASH && address < FLASH_END) {
            fault("Core", `write to flash at 0x${address.toString(16)}`);
        }
        return address;
    }

    readUint32(address) {
        this.checked(address, 4, false);
        return sio.read[(address >>> 0) - SIO]?.(this) ?? super.readUint32(address);
    }

    readUint16(address) {
        return super.readUint16(this.checked(address, 2, false));
    }

    writeUint32(address, value) {
        this.checked(address, 4, true);
        const write = sio.write[(address >>> 0) - SIO];
        if (write !== undefined) {
            write(this, value);
        } else {
            super.writeUint32(address, value);
        }
    }

    writeUint16(address, value) {
        super.writeUint16(this.checked(address, 2, true), value);
    }

    writeUint8(address, value) {
        super.writeUint8(this.checked(address, 1, true), value);
    }
}

const cores = [new Core(0), new Core(1)];
const [first, second] = cores;
let launched = 0; /* words of those that start the second core; all of them once it runs */
chip.core = running = first;

/* CPUID, and the FIFOs between the cores (datasheet, 2.3.1.4), which are never full here. */
const sio = {
    read: {
        0x00: (core) => core.number,
        0x50: (core) => 2 | (core.mail.length > 0 ? 1 : 0),
        0x58: (core) => core.mail.shift() ?? 0,
    },
    write: {
        0x50() {},
        0x54(core, value) {
            const word = value >>> 0;
            if (core === first && launched < 6) {
                launch(word);
            } else {
                cores[1 - core.number].mail.push(word);
            }
        },
    },
};

/* The second core's boot ROM: echoes 0, 0, 1, vector table, stack pointer, entry, and begins there. */
const words = [];
function launch(word) {
    const expected = [0, 0, 1][launched];
    launched = expected === undefined || expected === word ? launched + 1 : 0;
    words[launched - 1] = word;
    first.mail.push(word);
    if (launched === 6) {
        [second.VTOR, second.SP, second.PC] = [words[3], words[4], words[5] & ~1];
        second.cycles = first.cycles;
    }
}

/* SEV wakes both cores; whoever slept has slept until now. */
function signal() {
    for (const core of cores) {
        core.eventRegistered = true;
        if (core.waiting) {
            core.waiting = false;
            core.eventRegistered = false;
            core.cycles = Math.max(core.cycles, running.cycles);
        }
    }
}

/* Segments of an ELF file for 32 bits, little endian, at their load addresses. */
function load(image) {
    const table = image.readUInt32LE(28), size = image.readUInt16LE(42), count = image.readUInt16LE(44);
    for (let i = 0; i < count; ++i) {
        const at = table + i * size;
        const [type, offset, , address, bytes] = [0, 4, 8, 12, 16].map((field) => image.readUInt32LE(at + field));
        if (type === PT_LOAD && bytes > 0) {
            chip.flash.set(image.subarray(offset, offset + bytes), address - FLASH);
        }
    }
}

/* Polynomial 0x04C11DB7, most significant bit first, begun with ones (datasheet, 2.8.1.3.1). */
function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) {
        crc ^= byte << 24;
        for (let bit = 0; bit < 8; ++bit) {
            crc = crc < 0 || crc > 0x7fffffff ? (crc << 1) ^ 0x04c11db7 : crc << 1;
        }
    }
    return crc >>> 0;
}

/* What the boot ROM does. */
function boot() {
    const stage = Buffer.from(chip.flash.subarray(0, BOOT2_BYTES));
    if (stage.readUInt32LE(BOOT2_BYTES - 4) !== crc32(stage.subarray(0, BOOT2_BYTES - 4))) {
        first.PC = FLASH;
        fault("boot ROM", "the second stage's CRC-32 is wrong: the chip would wait for USB");
    }
    chip.sram.set(stage, BOOT2_AT - RAM);
    [first.SP, first.LR, first.PC, first.cycles] = [BOOT2_AT, 0, BOOT2_AT, 0];
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
        const [name, mode, length] = arguments_at(block, 3);
        const path = Buffer.from(memory(name, length)).toString("latin1");
        files.push(fs.openSync(path, mode >= 4 ? "w" : "r"));
        return files.length; /* a handle is never 0 */
    },
    0x05(block) { /* SYS_WRITE: handle, bytes, size; gives the number of bytes that were not written */
        const [handle, bytes, size] = arguments_at(block, 3);
        return size - fs.writeSync(files[handle - 1], memory(bytes, size));
    },
    0x06(block) { /* SYS_READ: handle, bytes, size; gives the number of bytes that were not read */
        const [handle, bytes, size] = arguments_at(block, 3);
        return size - fs.readSync(files[handle - 1], memory(bytes, size), 0, size, null);
    },
    0x18() { /* SYS_EXIT */
        ended = 0;
        return 0;
    },
    0x30(block) { /* SYS_ELAPSED: 64 bits of cycles */
        chip.writeUint32(block, running.cycles >>> 0);
        chip.writeUint32(block + 4, Math.floor(running.cycles / 2 ** 32));
        return 0;
    },
};

function arguments_at(block, count) {
    return Array.from({ length: count }, (_, i) => chip.readUint32(block + 4 * i));
}

chip.onBreak = (code) => {
    const call = code === 0xab ? calls[running.registers[0]] : undefined;
    if (call === undefined) {
        fault("BKPT", `0x${code.toString(16)} is no call of semihosting that is known here`);
    } else {
        running.registers[0] = call(running.registers[1]);
    }
};

load(fs.readFileSync(process.argv[2]));
boot();
while (ended === null) {
    running = launched === 6 && !second.waiting && (first.waiting || second.cycles < first.cycles) ? second : first;
    if (running.waiting) {
        fault("Core", "both cores wait for each other");
    } else {
        chip.core = running;
        running.executeInstruction();
    }
}
process.exit(ended);
