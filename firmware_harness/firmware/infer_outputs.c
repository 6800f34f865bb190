/* SPDX-License-Identifier: Apache-2.0 */
/* As infer.c, for a model of several outputs: rows go out as they are finished, which is the same order every time. */
#include "infer.h"

#include "model.h"
#include "port.h"
#include "timer.h"

static model_state state;
static uint8_t row_in[MODEL_INPUT_ROW_BYTES] __attribute__((aligned(4)));
static uint8_t row_out[MODEL_OUTPUT_ROW_BYTES] __attribute__((aligned(4)));
static const uint16_t heights[MODEL_OUTPUTS] = MODEL_OUTPUTS_HEIGHTS;
static const uint32_t row_bytes[MODEL_OUTPUTS] = MODEL_OUTPUTS_ROW_BYTES;

static model_status push(uint64_t *ticks)
{
    const timer_ticks before = timer_now();
    const model_status status = model_push_row_raw(&state, (const void *)row_in);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

static model_status pop(uint64_t *ticks, unsigned *output)
{
    const timer_ticks before = timer_now();
    const model_status status = model_pop_row_raw(&state, output, row_out);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

infer_status infer(uint64_t *ticks)
{
    unsigned output;
    uint32_t missing = 0;
    for (unsigned i = 0; i < MODEL_OUTPUTS; ++i) {
        missing += heights[i];
    }
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
        while (pop(ticks, &output) == MODEL_OK) {
            port_write(row_out, row_bytes[output]);
            --missing;
        }
    }
    return missing == 0 ? INFER_DONE : INFER_FAILED;
}

uint32_t infer_ram_bytes(void)
{
    return sizeof state;
}
