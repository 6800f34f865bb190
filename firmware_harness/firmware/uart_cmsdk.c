/* SPDX-License-Identifier: Apache-2.0 */
/* Arm's CMSDK APB UART (DDI 0479D, section 4.3): MPS2 and MPS3 boards. */
#include "uart.h"

#include "board.h"

#define DATA (*(volatile uint32_t *)(UART_ADDRESS + 0x00u))
#define STATE (*(volatile uint32_t *)(UART_ADDRESS + 0x04u))
#define CTRL (*(volatile uint32_t *)(UART_ADDRESS + 0x08u))
#define BAUDDIV (*(volatile uint32_t *)(UART_ADDRESS + 0x10u))

enum { STATE_TX_FULL = 1, STATE_RX_FULL = 2, CTRL_TX = 1, CTRL_RX = 2 };

void uart_begin(void)
{
    BAUDDIV = UART_CLOCK_HZ / UART_BAUD;
    CTRL = CTRL_TX | CTRL_RX;
}

int uart_read(void)
{
    return STATE & STATE_RX_FULL ? (int)(DATA & 0xFFu) : -1;
}

void uart_write(uint8_t byte)
{
    while (STATE & STATE_TX_FULL) {
    }
    DATA = byte;
}
