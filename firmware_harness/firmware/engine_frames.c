/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a camera's size behind the engine's functions: rows as the camera writes them in, the same out, veiled. */
#include <string.h>

#include "engine.h"
#include "frames.h"
#include "model_info.h"

static frames_state state ENGINE_STATE_PLACE;
static unsigned taken, given; /* rows of this frame */

void engine_begin(void)
{
    if (taken != 0 && given < FRAMES_FRAME_HEIGHT) {
        (void)frames_frame_lost(&state); /* the last frame ended in its middle */
    }
    taken = given = 0;
}

void engine_forget(void)
{
    (void)frames_begin(&state);
}

engine_status engine_push_pixels(const uint8_t *pixels)
{
    return engine_push(pixels);
}

#if defined(FRAMES_HOLD_BUFFER)
static uint8_t frame[FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES] __attribute__((aligned(32))); /* of a cache's line */

uint8_t *engine_frame(void)
{
    return frame;
}

engine_status engine_push(const uint8_t *row)
{
    if (taken == FRAMES_FRAME_HEIGHT) {
        return ENGINE_ROW_READY;
    }
    memcpy(frame + taken * FRAMES_ROW_BYTES, row, FRAMES_ROW_BYTES);
    if (++taken < FRAMES_FRAME_HEIGHT) {
        return ENGINE_OK;
    }
    return frames_blur_frame(&state, frame, FRAMES_ROW_BYTES) == FRAMES_OK ? ENGINE_OK : ENGINE_FAILED;
}

engine_status engine_pop(uint8_t *row)
{
    if (taken < FRAMES_FRAME_HEIGHT || given == FRAMES_FRAME_HEIGHT) {
        return ENGINE_NEED_ROW;
    }
    memcpy(row, frame + given++ * FRAMES_ROW_BYTES, FRAMES_ROW_BYTES);
    return ENGINE_OK;
}
#elif defined(FRAMES_HOLD_LIVE)
static uint8_t finished[FRAMES_ROW_BYTES] __attribute__((aligned(4)));

engine_status engine_push(const uint8_t *row)
{
    frames_status status;
    if (given < taken) {
        return ENGINE_ROW_READY;
    }
    memcpy(finished, row, sizeof finished);
    status = frames_veil_row(&state, taken, finished, sizeof finished);
    ++taken;
    return status == FRAMES_OK || status == FRAMES_BLIND ? ENGINE_OK : ENGINE_FAILED;
}

engine_status engine_pop(uint8_t *row)
{
    if (given == taken) {
        return ENGINE_NEED_ROW;
    }
    memcpy(row, finished, sizeof finished);
    ++given;
    return ENGINE_OK;
}
#else
engine_status engine_push(const uint8_t *row)
{
    switch (frames_push_row(&state, taken, row, FRAMES_ROW_BYTES)) {
    case FRAMES_OK:
        ++taken;
        return ENGINE_OK;
    case FRAMES_ROW_READY:
        return ENGINE_ROW_READY;
    default:
        return ENGINE_FAILED;
    }
}

engine_status engine_pop(uint8_t *row)
{
    unsigned y;
    const frames_status status = frames_pop_row(&state, &y, row, FRAMES_ROW_BYTES);
    if (status == FRAMES_NEED_ROW) {
        return ENGINE_NEED_ROW;
    }
    return status == FRAMES_OK && y == given++ ? ENGINE_OK : ENGINE_FAILED;
}
#endif

uint32_t engine_ram_bytes(void)
{
    return sizeof state;
}
