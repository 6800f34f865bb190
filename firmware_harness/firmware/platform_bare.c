/* SPDX-License-Identifier: Apache-2.0 */
/* The serial firmware on bare metal: the board's UART, its counter, its painted stack. */
#include "board.h"
#include "platform.h"
#include "port.h"
#include "stack.h"
#include "timer.h"
#include "uart.h"

void platform_begin(void)
{
    timer_begin();
    uart_begin();
}

int platform_read_byte(void)
{
    return uart_read();
}

void platform_write_byte(uint8_t byte)
{
    uart_write(byte);
}

void platform_flush(void)
{
}

uint32_t platform_ticks(void)
{
    return (uint32_t)timer_now();
}

uint32_t platform_tick_hz(void)
{
    return TIMER_HZ;
}

uint32_t platform_stack_peak(void)
{
    return stack_peak();
}

/* What the start-up code asks for after a fault: there is nobody to tell, but the host notices that the board forgot. */
void port_report(const char *name, uint64_t value)
{
    (void)name;
    (void)value;
}

void port_end(void)
{
#if defined(__riscv)
    __asm volatile("j start");
#else
    *(volatile uint32_t *)0xE000ED0Cu = 0x05FA0004u; /* AIRCR: reset this system */
#endif
    for (;;) {
    }
}
