/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the chip runs. */
#ifndef CLOCK_H_
#define CLOCK_H_

#include <stdint.h>

/* Called once, first: set the clocks if they shall be others than after reset. clock_stm32.c has a weak one that does
 * not: write yours in a file of your own, for instance around SystemClock_Config of STM32CubeMX. */
void clock_begin(void);

/* What clock_begin made of them, for the milliseconds and the UART's speed. */
extern uint32_t clock_core_hz, clock_uart_hz;

#endif /* CLOCK_H_ */
