/* SPDX-License-Identifier: Apache-2.0 */
/* Arm's MPS2 and MPS3 boards: the cycle counter in the FPGA's I/O block (AN385, AN505, AN547 and others, "COUNTER").
 * Its PRESCALE is 0 after reset: one tick a cycle of the clock. */
#include "timer.h"

void timer_begin(void)
{
}

timer_ticks timer_now(void)
{
    return *(volatile const uint32_t *)TIMER_ADDRESS;
}
