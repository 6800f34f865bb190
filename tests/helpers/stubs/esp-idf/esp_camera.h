/* What frames_esp32_camera.c asks of esp32-camera 2.1. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum { PIXFORMAT_RGB565, PIXFORMAT_YUV422 } pixformat_t;

typedef struct {
    uint8_t *buf;
    size_t len;
    size_t width;
    size_t height;
    pixformat_t format;
} camera_fb_t;

camera_fb_t *esp_camera_fb_get(void);
void esp_camera_fb_return(camera_fb_t *fb);
