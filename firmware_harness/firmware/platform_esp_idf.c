/* SPDX-License-Identifier: Apache-2.0 */
/* The serial firmware with ESP-IDF: UART 0 or the chip's own USB (menuconfig, edgeblur), the microsecond timer. */
#include "platform.h"

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

#if defined(CONFIG_EDGEBLUR_PORT_USB)
#include "driver/usb_serial_jtag.h"
#else
#include "driver/uart.h"
#define PORT UART_NUM_0
#endif

#define BUFFER_BYTES 2048
#define WAIT pdMS_TO_TICKS(100) /* so that other tasks run */

static uint8_t waiting[64];
static size_t count;

void platform_begin(void)
{
#if defined(CONFIG_EDGEBLUR_PORT_USB)
    usb_serial_jtag_driver_config_t config = USB_SERIAL_JTAG_DRIVER_CONFIG_DEFAULT();
    config.rx_buffer_size = BUFFER_BYTES;
    config.tx_buffer_size = BUFFER_BYTES;
    ESP_ERROR_CHECK(usb_serial_jtag_driver_install(&config));
#else
    const uart_config_t config = {
        .baud_rate = 115200,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    ESP_ERROR_CHECK(uart_driver_install(PORT, BUFFER_BYTES, BUFFER_BYTES, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(PORT, &config));
#endif
}

int platform_read_byte(void)
{
    uint8_t byte;
#if defined(CONFIG_EDGEBLUR_PORT_USB)
    return usb_serial_jtag_read_bytes(&byte, 1, WAIT) == 1 ? byte : -1;
#else
    return uart_read_bytes(PORT, &byte, 1, WAIT) == 1 ? byte : -1;
#endif
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
#if defined(CONFIG_EDGEBLUR_PORT_USB)
    usb_serial_jtag_write_bytes(waiting, count, WAIT);
#else
    uart_write_bytes(PORT, waiting, count);
#endif
    count = 0;
}

uint32_t platform_ticks(void)
{
    return (uint32_t)esp_timer_get_time();
}

uint32_t platform_tick_hz(void)
{
    return 1000000;
}

uint32_t platform_stack_peak(void)
{
    return CONFIG_ESP_MAIN_TASK_STACK_SIZE - (uint32_t)uxTaskGetStackHighWaterMark(NULL);
}
