#pragma once
#include <stdint.h>

typedef int esp_err_t;
#define ESP_ERROR_CHECK(x) ((void)(x))
int64_t esp_timer_get_time(void);
