/* SPDX-License-Identifier: Apache-2.0 */
/* The serial firmware with the Pico SDK: USB, the microsecond timer. */
#include "platform.h"

#include "pico/stdlib.h"

void platform_begin(void)
{
    stdio_init_all();
}

int platform_read_byte(void)
{
    const int byte = getchar_timeout_us(0);
    return byte >= 0 ? byte : -1;
}

void platform_write_byte(uint8_t byte)
{
    putchar_raw(byte);
}

void platform_flush(void)
{
    stdio_flush();
}

uint32_t platform_ticks(void)
{
    return time_us_32();
}

uint32_t platform_tick_hz(void)
{
    return 1000000;
}

uint32_t platform_stack_peak(void)
{
    return PLATFORM_UNKNOWN;
}
