/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures through engine.h, whatever computes behind it. */
#include "infer.h"

#include "engine.h"
#include "port.h"
#include "timer.h"

static uint8_t row_in[ENGINE_INPUT_ROW_BYTES] __attribute__((aligned(4)));
static uint8_t row_out[ENGINE_OUTPUT_ROW_BYTES] __attribute__((aligned(4)));

static engine_status push(uint64_t *ticks)
{
    const timer_ticks before = timer_now();
    const engine_status status = engine_push(row_in);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

static engine_status pop(uint64_t *ticks)
{
    const timer_ticks before = timer_now();
    const engine_status status = engine_pop(row_out);
    *ticks += (timer_ticks)(timer_now() - before);
    return status;
}

static void write_row(void)
{
#ifdef ENGINE_OUTPUTS
    port_write(row_out, engine_popped_bytes());
#else
    port_write(row_out, sizeof row_out);
#endif
}

infer_status infer(uint64_t *ticks)
{
    int finished = 0;
    *ticks = 0;
    engine_begin();
    for (int y = 0; y < ENGINE_INPUT_HEIGHT; ++y) {
        const size_t came = port_read(row_in, sizeof row_in);
        if (came < sizeof row_in) {
            return came == 0 && y == 0 ? INFER_NO_PICTURE : INFER_CUT_SHORT;
        }
        if (push(ticks) != ENGINE_OK) {
            return INFER_FAILED;
        }
        while (pop(ticks) == ENGINE_OK) {
            write_row();
            ++finished;
        }
    }
    return finished == ENGINE_OUTPUT_ROWS ? INFER_DONE : INFER_FAILED;
}

uint32_t infer_ram_bytes(void)
{
    return engine_ram_bytes();
}
