/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a camera's size through the veil, whichever way it holds them; the state lives from frame to frame. */
#include "infer.h"

#include "model.h"
#include "port.h"
#include "timer.h"

static model_state state;
#if !defined(MODEL_HOLD_BUFFER)
static uint8_t row[MODEL_ROW_BYTES] __attribute__((aligned(4)));
#endif

/* Call the veil, and count what it took. */
#define TIMED(ticks, call) \
    do { \
        const timer_ticks before = timer_now(); \
        call; \
        *(ticks) += (timer_ticks)(timer_now() - before); \
    } while (0)

static infer_status ended(size_t came, unsigned y)
{
    return came == 0 && y == 0 ? INFER_NO_PICTURE : INFER_CUT_SHORT;
}

#if defined(MODEL_HOLD_LIVE)
static infer_status frame(uint64_t *ticks)
{
    for (unsigned y = 0; y < MODEL_FRAME_HEIGHT; ++y) {
        const size_t came = port_read(row, sizeof row);
        model_status status;
        if (came < sizeof row) {
            return ended(came, y);
        }
        TIMED(ticks, status = model_veil_row(&state, y, row, sizeof row));
        if (status != MODEL_OK && status != MODEL_BLIND) {
            return INFER_FAILED;
        }
        port_write(row, sizeof row);
    }
    return INFER_DONE;
}
#elif defined(MODEL_HOLD_ROWS)
static infer_status frame(uint64_t *ticks)
{
    unsigned finished = 0;
    for (unsigned y = 0; y < MODEL_FRAME_HEIGHT; ++y) {
        const size_t came = port_read(row, sizeof row);
        model_status status;
        if (came < sizeof row) {
            return ended(came, y);
        }
        TIMED(ticks, status = model_push_row(&state, y, row, sizeof row));
        if (status != MODEL_OK) {
            return INFER_FAILED;
        }
        for (;;) {
            unsigned which;
            TIMED(ticks, status = model_pop_row(&state, &which, row, sizeof row));
            if (status != MODEL_OK || which != finished) {
                break;
            }
            ++finished;
            port_write(row, sizeof row);
        }
    }
    return finished == MODEL_FRAME_HEIGHT ? INFER_DONE : INFER_FAILED;
}
#else
static uint8_t pixels[MODEL_FRAME_HEIGHT * MODEL_ROW_BYTES] __attribute__((aligned(4))); /* the camera driver's */

static infer_status frame(uint64_t *ticks)
{
    const size_t came = port_read(pixels, sizeof pixels);
    model_status status;
    if (came < sizeof pixels) {
        return ended(came, 0);
    }
    TIMED(ticks, status = model_blur_frame(&state, pixels, MODEL_ROW_BYTES));
    if (status != MODEL_OK) {
        return INFER_FAILED;
    }
    port_write(pixels, sizeof pixels);
    return INFER_DONE;
}
#endif

infer_status infer(uint64_t *ticks)
{
    static int begun;
    *ticks = 0;
    if (!begun) {
        begun = 1;
        if (model_begin(&state) != MODEL_OK) {
            return INFER_FAILED;
        }
    }
    return frame(ticks);
}

uint32_t infer_ram_bytes(void)
{
    return sizeof state;
}
