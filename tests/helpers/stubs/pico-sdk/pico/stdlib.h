#pragma once
#include <stdbool.h>
#include <stdint.h>

bool stdio_init_all(void);
int getchar_timeout_us(uint32_t timeout_us);
int putchar_raw(int c);
void stdio_flush(void);
uint32_t time_us_32(void);
