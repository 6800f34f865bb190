/* What a page calls: one frame in memory, veiled in place by the generated C. SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model.h"

#define EXPORT(name) __attribute__((export_name(name), used))

static model_state state;
static uint8_t pixels[MODEL_FRAME_HEIGHT * MODEL_ROW_BYTES];

/* With bulk memory these are one instruction each, not calls of themselves. */
void *memcpy(void *to, const void *from, size_t size)
{
    return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
    return __builtin_memmove(to, from, size);
}

void *memset(void *to, int value, size_t size)
{
    return __builtin_memset(to, value, size);
}

/* Where the frame lies: MODEL_FRAME_HEIGHT rows of MODEL_ROW_BYTES. */
EXPORT("frame") uint8_t *page_frame(void)
{
    return pixels;
}

/* Where the mask lies after a frame: a byte a cell, its level in the lower four bits. */
EXPORT("mask") const uint8_t *page_mask(void)
{
    return state.held;
}

EXPORT("begin") int page_begin(void)
{
    return (int)model_begin(&state);
}

EXPORT("blur") int page_blur(void)
{
    return (int)model_blur_frame(&state, pixels, MODEL_ROW_BYTES);
}
