/* SPDX-License-Identifier: Apache-2.0 */
/* For drivers of cameras that fill a buffer (camera_frame): the next frame, veiled where it lies. */
#ifndef FRAMES_GET_H_
#define FRAMES_GET_H_

#include <stdint.h>
#include <string.h>

#include "camera.h"
#include "frames.h"

/* Take the next frame into `pixels` (FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES), and veil it there. FRAMES_WRONG_SIZE: none came
 * whole, and all of `pixels` is grey. */
static inline frames_status frames_get(frames_state *state, uint8_t *pixels)
{
    if (pixels == NULL) {
        return FRAMES_NULL;
    }
    if (!camera_frame(pixels)) {
        memset(pixels, 128, (size_t)FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES); /* nobody looked at it */
        (void)frames_frame_lost(state);
        return FRAMES_WRONG_SIZE;
    }
    return frames_blur_frame(state, pixels, FRAMES_ROW_BYTES);
}

#endif /* FRAMES_GET_H_ */
