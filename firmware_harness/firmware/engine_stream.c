/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming engine: edgeblur's own C, which keeps only the rows that later rows still need. */
#include "engine.h"
#include "model.h"
#include "model_info.h"

static model_state state ENGINE_STATE_PLACE;

static engine_status told(model_status status)
{
    switch (status) {
    case MODEL_OK:
        return ENGINE_OK;
    case MODEL_NEED_ROW:
    case MODEL_END:
        return ENGINE_NEED_ROW;
    case MODEL_ROW_READY:
        return ENGINE_ROW_READY;
    default:
        return ENGINE_FAILED;
    }
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

engine_status engine_pop(uint8_t *row)
{
    return told(model_pop_row_raw(&state, (void *)row));
}
