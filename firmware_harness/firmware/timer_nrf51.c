/* SPDX-License-Identifier: Apache-2.0 */
/* nRF51: TIMER0 at 16 MHz, 32 bits wide (nRF51 Series Reference Manual, TIMER). */
#include "timer.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TIMER_ADDRESS + (offset)))
#define TASKS_START REGISTER(0x000u)
#define TASKS_CAPTURE_0 REGISTER(0x040u)
#define BITMODE REGISTER(0x508u)
#define BITMODE_32 3u
#define PRESCALER REGISTER(0x510u)
#define CC_0 REGISTER(0x540u)

void timer_begin(void)
{
    BITMODE = BITMODE_32;
    PRESCALER = 0;
    TASKS_START = 1;
}

timer_ticks timer_now(void)
{
    TASKS_CAPTURE_0 = 1;
    return CC_0;
}
