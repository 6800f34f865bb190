/* SPDX-License-Identifier: Apache-2.0 */
/* Your board's UART: fill these in. Until then the firmware builds, and hears and says nothing. */
#include "uart.h"

void uart_begin(void)
{
}

int uart_read(void)
{
    return -1;
}

void uart_write(uint8_t byte)
{
    (void)byte;
}
