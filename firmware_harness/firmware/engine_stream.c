/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming engine: edgeblur's own C, which keeps only the rows that later rows still need. */
#include "engine.h"
#include "model.h"
#include "model_info.h"

static model_state state ENGINE_STATE_PLACE;

static engine_status told(model_status status)
{
    static const engine_status statuses[] = {
        [MODEL_OK] = ENGINE_OK,      [MODEL_NEED_ROW] = ENGINE_NEED_ROW, [MODEL_ROW_READY] = ENGINE_ROW_READY,
        [MODEL_END] = ENGINE_NEED_ROW, [MODEL_NULL] = ENGINE_FAILED,     [MODEL_DAMAGED] = ENGINE_FAILED,
    };
    return statuses[status];
}

void engine_begin(void)
{
    (void)model_begin(&state);
}

engine_status engine_push(const uint8_t *row)
{
    return told(model_push_row_raw(&state, (const void *)row));
}

engine_status engine_push_pixels(const uint8_t *pixels)
{
    return told(model_push_row(&state, pixels));
}

#ifdef ENGINE_OUTPUTS
static unsigned output; /* of the row that was given out last */

engine_status engine_pop(uint8_t *row)
{
    return told(model_pop_row_raw(&state, &output, row));
}

uint32_t engine_popped_bytes(void)
{
    static const uint32_t row_bytes[MODEL_OUTPUTS] = MODEL_OUTPUTS_ROW_BYTES;
    return row_bytes[output];
}
#else
engine_status engine_pop(uint8_t *row)
{
    return told(model_pop_row_raw(&state, (void *)row));
}
#endif

uint32_t engine_ram_bytes(void)
{
    return sizeof state;
}
