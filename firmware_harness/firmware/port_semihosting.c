/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the host, through semihosting: pictures.bin comes in, outputs.bin and report.txt go out.
 *
 * Arm: "Semihosting for AArch32 and AArch64", release 2023Q3; RISC-V: "RISC-V Semihosting" 0.4, the same calls. */
#include <string.h>

#include "port.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT = 0x18 };
enum { OPEN_READ_BINARY = 1, OPEN_WRITE_BINARY = 5 };
#define STOPPED_BY_APPLICATION 0x20026u

static uintptr_t pictures, outputs, report;

#if defined(__riscv)
/* The arguments are in a0 and a1 already. The three instructions must be long ones, and on one page of memory. */
__attribute__((naked, noinline)) static uintptr_t call(uintptr_t operation, uintptr_t argument)
{
    (void)operation;
    (void)argument;
    __asm volatile(".option push\n"
                   ".option norvc\n"
                   ".option norelax\n"
                   ".balign 16\n"
                   "slli x0, x0, 0x1f\n"
                   "ebreak\n"
                   "srai x0, x0, 7\n"
                   "ret\n"
                   ".option pop");
}
#else
static uintptr_t call(uintptr_t operation, uintptr_t argument)
{
    register uintptr_t r0 __asm("r0") = operation;
    register uintptr_t r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#endif

static uintptr_t open(const char *name, uintptr_t mode)
{
    const uintptr_t arguments[] = {(uintptr_t)name, mode, strlen(name)};
    return call(SYS_OPEN, (uintptr_t)arguments);
}

static uintptr_t transfer(uintptr_t operation, uintptr_t file, const void *bytes, size_t size)
{
    const uintptr_t arguments[] = {file, (uintptr_t)bytes, size};
    return call(operation, (uintptr_t)arguments); /* bytes that were not transferred */
}

void port_begin(void)
{
    pictures = open("pictures.bin", OPEN_READ_BINARY);
    outputs = open("outputs.bin", OPEN_WRITE_BINARY);
    report = open("report.txt", OPEN_WRITE_BINARY);
}

size_t port_read(void *bytes, size_t size)
{
    return size - transfer(SYS_READ, pictures, bytes, size);
}

void port_write(const void *bytes, size_t size)
{
    transfer(SYS_WRITE, outputs, bytes, size);
}

/* `name 00000000000004d2`, a line. */
void port_report(const char *name, uint64_t value)
{
    char line[1 + 16 + 1];
    line[0] = ' ';
    line[17] = '\n';
    for (int i = 16; i > 0; --i) {
        line[i] = "0123456789abcdef"[value & 15u];
        value >>= 4;
    }
    transfer(SYS_WRITE, report, name, strlen(name));
    transfer(SYS_WRITE, report, line, sizeof line);
}

void port_end(void)
{
    for (;;) {
        call(SYS_EXIT, STOPPED_BY_APPLICATION);
    }
}
