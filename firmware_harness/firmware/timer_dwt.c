/* SPDX-License-Identifier: Apache-2.0 */
/* Cortex-M3 and later: the cycle counter of the DWT (Armv7-M Architecture Reference Manual, C1.8). */
#include "timer.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CYCCNT (*(volatile const uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)

void timer_begin(void)
{
    DEMCR |= 1u << 24;      /* TRCENA */
    DWT_LAR = 0xC5ACCE55u; /* unlocks it on a Cortex-M7 */
    DWT_CTRL |= 1u;        /* CYCCNTENA */
}

timer_ticks timer_now(void)
{
    return DWT_CYCCNT;
}
