/* SPDX-License-Identifier: Apache-2.0 */
#include "infer.h"

#include "model.h"
#include "port.h"
#include "timer.h"

static model_state state;
static uint8_t row_in[MODEL_INPUT_ROW_BYTES] __attribute__((aligned(4)));
static uint8_t row_out[MODEL_OUTPUT_ROW_BYTES] __attribute__((aligned(4)));

static model_status push(uint64_t *ticks)
{
    const timer_ticks before = timer_now();
    const model_status status = model_push_row_raw(&state, (const void *)row_in);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

static model_status pop(uint64_t *ticks)
{
    const timer_ticks before = timer_now();
    const model_status status = model_pop_row_raw(&state, (void *)row_out);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

infer_status infer(uint64_t *ticks)
{
    int finished = 0;
    *ticks = 0;
    model_begin(&state);
    for (int y = 0; y < MODEL_INPUT_HEIGHT; ++y) {
        const size_t came = port_read(row_in, sizeof row_in);
        if (came < sizeof row_in) {
            return came == 0 && y == 0 ? INFER_NO_PICTURE : INFER_CUT_SHORT;
        }
        if (push(ticks) != MODEL_OK) {
            return INFER_FAILED;
        }
        while (pop(ticks) == MODEL_OK) {
            port_write(row_out, sizeof row_out);
            ++finished;
        }
    }
    return finished == MODEL_OUTPUT_HEIGHT ? INFER_DONE : INFER_FAILED;
}
