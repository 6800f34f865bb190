/* As much of the Pico SDK's hardware_gpio as frames_pio.c uses. */
#pragma once
#include <stdbool.h>

void gpio_init(unsigned int gpio);
bool gpio_get(unsigned int gpio);
