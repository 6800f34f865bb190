/* SPDX-License-Identifier: Apache-2.0 */
/* An STM32's USART or LPUART, of both generations: with SR and DR (F4), with ISR, RDR and TDR (F7, H7, L4). */
#include "board.h"
#include "clock.h"
#include "uart.h"

#if defined(USART_SR_RXNE)
#define STATUS UART->SR
#define RECEIVED UART->DR
#define TO_SEND UART->DR
#else
#define STATUS UART->ISR
#define RECEIVED UART->RDR
#define TO_SEND UART->TDR
#endif

enum { STATUS_RECEIVED = 1 << 5, STATUS_SENDABLE = 1 << 7 }; /* RXNE, TXE: the same bits in both */

static void connect(uint32_t pin)
{
    UART_PINS->MODER = (UART_PINS->MODER & ~(3u << (2 * pin))) | 2u << (2 * pin);
    UART_PINS->AFR[pin / 8] = (UART_PINS->AFR[pin / 8] & ~(15u << (4 * (pin % 8)))) | UART_FUNCTION << (4 * (pin % 8));
}

void uart_begin(void)
{
    clock_begin();
    UART_ENABLE();
    (void)UART_PINS->MODER; /* a clock is there two cycles after it was asked for */
    (void)UART_PINS->MODER;
    connect(UART_TX);
    connect(UART_RX);
    UART->BRR = (uint32_t)((UART_SCALE * (uint64_t)clock_uart_hz + UART_BAUD / 2) / UART_BAUD);
    UART->CR1 = USART_CR1_UE | USART_CR1_TE | USART_CR1_RE;
}

int uart_read(void)
{
    return STATUS & STATUS_RECEIVED ? (int)(RECEIVED & 0xFFu) : -1;
}

void uart_write(uint8_t byte)
{
    while (!(STATUS & STATUS_SENDABLE)) {
    }
    TO_SEND = byte;
}
