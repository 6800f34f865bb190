/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of esp32-camera, veiled in its own buffer. Call frames_fb_get where you would call esp_camera_fb_get, and
 * esp_camera_fb_return as usual: no other way leads to a frame. */
#include "frames_esp32_camera.h"

#include <string.h>

#include "camera.h"

camera_fb_t *frames_fb_get(frames_status *status)
{
    static frames_state state; /* all zero is a valid beginning */
    frames_status became = FRAMES_NULL;
    camera_fb_t *fb = esp_camera_fb_get();
    if (fb == NULL) {
        (void)frames_frame_lost(&state);
    } else if (fb->width != FRAMES_FRAME_WIDTH || fb->height != FRAMES_FRAME_HEIGHT ||
               fb->len != (size_t)FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES) {
        memset(fb->buf, 128, fb->len); /* another size, or JPEG: nobody looked at it */
        became = frames_frame_lost(&state) == FRAMES_NULL ? FRAMES_NULL : FRAMES_WRONG_SIZE;
    } else {
        became = frames_blur_frame(&state, fb->buf, FRAMES_ROW_BYTES);
    }
    if (status != NULL) {
        *status = became;
    }
    return fb;
}

int camera_frame(uint8_t *pixels)
{
    camera_fb_t *fb = esp_camera_fb_get();
    const int right = fb != NULL && fb->len == (size_t)FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES;
    if (right) {
        memcpy(pixels, fb->buf, fb->len);
    }
    if (fb != NULL) {
        esp_camera_fb_return(fb);
    }
    return right;
}
