/* SPDX-License-Identifier: Apache-2.0 */
/* The 16550 that most machines have a kind of (TL16C550C data sheet); QEMU's RISC-V machine. Its speed is left as it is. */
#include "uart.h"

#include "board.h"

#define DATA (*(volatile uint8_t *)(UART_ADDRESS + 0u))
#define FIFO_CONTROL (*(volatile uint8_t *)(UART_ADDRESS + 2u))
#define LINE_CONTROL (*(volatile uint8_t *)(UART_ADDRESS + 3u))
#define LINE_STATUS (*(volatile uint8_t *)(UART_ADDRESS + 5u))

enum { EIGHT_BITS = 3, FIFO_ON = 1, DATA_READY = 1, TX_EMPTY = 0x20 };

void uart_begin(void)
{
    LINE_CONTROL = EIGHT_BITS;
    FIFO_CONTROL = FIFO_ON;
}

int uart_read(void)
{
    return LINE_STATUS & DATA_READY ? DATA : -1;
}

void uart_write(uint8_t byte)
{
    while (!(LINE_STATUS & TX_EMPTY)) {
    }
    DATA = byte;
}
