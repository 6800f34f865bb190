/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M: vector table, what happens before main, and what happens when something goes wrong. */
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "stack.h"

/* From the linker script. */
extern uint8_t data_start[], data_end[], data_load[], bss_start[], bss_end[];

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_report(const uint32_t *frame);

/* The architecture's 16 entries; no interrupt is ever switched on. */
__attribute__((section(".vectors"), used)) static void (*const exceptions[15])(void) = {
    reset_handler, /* after the initial stack pointer, which the linker script writes */
    fault_handler, /* NMI */
    fault_handler, /* HardFault: all others end here too, as they are not switched on */
    fault_handler, fault_handler, fault_handler, fault_handler, 0, 0, 0,
    fault_handler, /* SVCall */
    fault_handler, 0, fault_handler, fault_handler,
};

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CFSR (*(volatile uint32_t *)0xE000ED28u)
#define BFAR (*(volatile uint32_t *)0xE000ED38u)

static inline void paint_stack(void)
{
    uint32_t *stack;
    __asm volatile("mov %0, sp" : "=r"(stack));
    for (volatile uint32_t *word = stack_limit; word < stack; ++word) {
        *word = STACK_PAINT;
    }
}

void reset_handler(void)
{
    paint_stack();
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20; /* floating point and vectors: coprocessors 10 and 11 */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    memcpy(data_start, data_load, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    main();
    port_end();
}

/* The stacked registers lie where the stack pointer was (one stack, no process stack pointer). */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile(".syntax unified\n"
                   "mov r0, sp\n"
                   "ldr r1, =fault_report\n"
                   "bx  r1");
}

void fault_report(const uint32_t *frame)
{
    port_report("fault_pc", frame[6]);
    port_report("fault_lr", frame[5]);
#if __ARM_ARCH >= 7 && !defined(__ARM_ARCH_8M_BASE__)
    port_report("fault_status", CFSR); /* Configurable Fault Status Register; Armv6-M has none */
    port_report("fault_address", BFAR);
#endif
    port_end();
}
