/* SPDX-License-Identifier: Apache-2.0 */
/* The serial firmware with Zephyr: the console's UART, polled, and the kernel's cycle counter. */
#include "platform.h"

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

void platform_begin(void)
{
    while (!device_is_ready(uart)) {
        k_msleep(10);
    }
}

int platform_read_byte(void)
{
    unsigned char byte;
    return uart_poll_in(uart, &byte) == 0 ? byte : -1;
}

void platform_write_byte(uint8_t byte)
{
    uart_poll_out(uart, byte);
}

void platform_flush(void)
{
}

uint32_t platform_ticks(void)
{
    return k_cycle_get_32();
}

uint32_t platform_tick_hz(void)
{
    return (uint32_t)sys_clock_hw_cycles_per_sec();
}

uint32_t platform_stack_peak(void)
{
    size_t unused;
    return k_thread_stack_space_get(k_current_get(), &unused) == 0 ? (uint32_t)(CONFIG_MAIN_STACK_SIZE - unused)
                                                                   : PLATFORM_UNKNOWN;
}
