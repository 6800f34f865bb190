/* SPDX-License-Identifier: Apache-2.0 */
/* Nordic's UART (nRF51 Series Reference Manual 3.0, chapter 29), on the micro:bit's USB pins; nRF52 has it too. */
#include "uart.h"

#include "board.h"

#define REGISTER(offset) (*(volatile uint32_t *)(UART_ADDRESS + (offset)))
#define START_RX REGISTER(0x000u)
#define START_TX REGISTER(0x008u)
#define RX_READY REGISTER(0x108u)
#define TX_READY REGISTER(0x11Cu)
#define ENABLE REGISTER(0x500u)
#define PIN_TX REGISTER(0x50Cu)
#define PIN_RX REGISTER(0x514u)
#define RX REGISTER(0x518u)
#define TX REGISTER(0x51Cu)
#define BAUD REGISTER(0x524u)

void uart_begin(void)
{
    PIN_TX = 24; /* to the interface chip's USB */
    PIN_RX = 25;
    BAUD = 0x01D7E000u; /* 115200 */
    ENABLE = 4;
    START_RX = 1;
    START_TX = 1;
}

int uart_read(void)
{
    if (!RX_READY) {
        return -1;
    }
    RX_READY = 0;
    return (int)(RX & 0xFFu);
}

void uart_write(uint8_t byte)
{
    TX_READY = 0;
    TX = byte;
    while (!TX_READY) {
    }
}
