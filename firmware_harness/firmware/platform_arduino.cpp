/* SPDX-License-Identifier: Apache-2.0 */
/* The serial firmware as an Arduino program: Serial, micros(). */
#include <Arduino.h>

#include "platform.h"

static uint8_t waiting[64];
static size_t count;

void platform_begin(void)
{
    Serial.begin(115200);
}

int platform_read_byte(void)
{
    return Serial.read();
}

void platform_write_byte(uint8_t byte)
{
    waiting[count++] = byte;
    if (count == sizeof waiting) {
        platform_flush();
    }
}

void platform_flush(void)
{
    Serial.write(waiting, count);
    count = 0;
}

uint32_t platform_ticks(void)
{
    return micros();
}

uint32_t platform_tick_hz(void)
{
    return 1000000;
}

uint32_t platform_stack_peak(void)
{
    return PLATFORM_UNKNOWN;
}
