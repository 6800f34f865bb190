/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit RISC-V in machine mode: what happens before main, and what happens when something goes wrong. */
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "stack.h"

/* From the linker script. */
extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

int main(void);
void start(void);
void start_c(void);
void trap_handler(void);

/* The linker script puts it where the machine begins. */
__attribute__((naked, section(".vectors"))) void start(void)
{
    __asm volatile(".option push\n"
                   ".option norelax\n"
                   ".option arch, +zicsr\n" /* every machine mode has it; -march names libraries, which do not */
                   "la gp, __global_pointer$\n"
                   "la sp, stack_top\n"
                   "la t0, trap_handler\n"
                   "csrw mtvec, t0\n"
                   ".option pop\n"
                   "tail start_c"); /* over any distance: weights may lie between */
}

static inline void paint_stack(void)
{
    uint32_t *stack;
    __asm volatile("mv %0, sp" : "=r"(stack));
    for (volatile uint32_t *word = stack_limit; word < stack; ++word) {
        *word = STACK_PAINT;
    }
}

void start_c(void)
{
    paint_stack();
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    main();
    port_end();
}

__attribute__((aligned(4))) void trap_handler(void)
{
    uint32_t place, cause, value;
    __asm volatile(".option push\n"
                   ".option arch, +zicsr\n"
                   "csrr %0, mepc\n"
                   "csrr %1, mcause\n"
                   "csrr %2, mtval\n"
                   ".option pop"
                   : "=r"(place), "=r"(cause), "=r"(value));
    port_report("fault_pc", place);
    port_report("fault_status", cause);
    port_report("fault_address", value);
    port_end();
}
