/* SPDX-License-Identifier: Apache-2.0 */
/* The RP2040's second core, which waits in the boot ROM for six words (RP2040 datasheet, 2.8.2) that it echoes. */
#include "cores.h"

#define FIFO_ST (*(volatile uint32_t *)0xD0000050u)
#define FIFO_WR (*(volatile uint32_t *)0xD0000054u)
#define FIFO_RD (*(volatile uint32_t *)0xD0000058u)
#define FIFO_VLD 1u
#define FIFO_RDY 2u
#define VTOR (*(volatile uint32_t *)0xE000ED08u)

static uint32_t exchange(uint32_t word)
{
    if (word == 0) { /* what is left of an earlier try */
        while (FIFO_ST & FIFO_VLD) {
            (void)FIFO_RD;
        }
        __asm volatile("sev");
    }
    while (!(FIFO_ST & FIFO_RDY)) {
    }
    FIFO_WR = word;
    __asm volatile("sev");
    while (!(FIFO_ST & FIFO_VLD)) {
        __asm volatile("wfe");
    }
    return FIFO_RD;
}

void cores_start(void)
{
    const uint32_t top = (uint32_t)(uintptr_t)cores_stack + cores_stack_bytes;
    const uint32_t words[] = {0, 0, 1, VTOR, top, (uint32_t)(uintptr_t)cores_serve};
    unsigned i = 0;
    while (i < sizeof words / sizeof words[0]) {
        i = exchange(words[i]) == words[i] ? i + 1 : 0;
    }
}
