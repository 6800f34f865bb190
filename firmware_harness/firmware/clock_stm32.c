/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "board.h"

uint32_t clock_core_hz = RESET_CLOCK_HZ, clock_uart_hz = RESET_CLOCK_HZ;

__attribute__((weak)) void clock_begin(void)
{
#if defined(__ICACHE_PRESENT) && __ICACHE_PRESENT == 1U
    SCB_EnableICache(); /* nothing but the core reads and writes memory here */
    SCB_EnableDCache();
#endif
}
