/* SPDX-License-Identifier: Apache-2.0 */
/* RISC-V: the machine's cycle counter (Privileged Architecture, "Hardware Performance Monitor"). */
#include "timer.h"

void timer_begin(void)
{
}

timer_ticks timer_now(void)
{
    uint32_t low, high, again;
    do { /* until the low word did not wrap between the two halves */
        __asm volatile(".option push\n"
                       ".option arch, +zicsr\n" /* every machine mode has it; -march names libraries, which do not */
                       "csrr %0, mcycleh\n"
                       "csrr %1, mcycle\n"
                       "csrr %2, mcycleh\n"
                       ".option pop"
                       : "=&r"(high), "=&r"(low), "=&r"(again));
    } while (high != again);
    return ((uint64_t)high << 32) | low;
}
