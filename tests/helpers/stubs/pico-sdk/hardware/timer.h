/* As much of the Pico SDK's hardware_timer as frames_pio.c uses. */
#pragma once
#include <stdint.h>

uint32_t time_us_32(void);
