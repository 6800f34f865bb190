/* SPDX-License-Identifier: Apache-2.0 */
#include "camera.h"

#include <string.h>

#include "engine.h"

#ifdef ENGINE_FRAME_BUFFER
__attribute__((weak)) int camera_frame(uint8_t *pixels)
{
    (void)pixels;
    return 0;
}

__attribute__((weak)) int camera_row(int y, uint8_t *pixels)
{
    uint8_t *frame = engine_frame();
    if (y == 0 && !camera_frame(frame)) {
        return 0;
    }
    memcpy(pixels, frame + (size_t)y * ENGINE_INPUT_ROW_BYTES, ENGINE_INPUT_ROW_BYTES);
    return 1;
}
#else
__attribute__((weak)) int camera_row(int y, uint8_t *pixels)
{
    (void)y;
    (void)pixels;
    return 0;
}
#endif
