/* Veils in the hands of libFuzzer: an input is a list of calls, in a frame's order or in none.
 *
 * Tame inputs are the calls of veil_orders.c, in longer lists: its model knows which rows may leave clear. Wild ones
 * damage any byte of the state and give any row, size and stride: the sanitizers watch. */
#include "model.h"

#if defined(MODEL_HOLD_BUFFER)
#define main veil_buffer_main
#include "veil_buffer.c"
#else
#define main veil_orders_main
#include "veil_orders.c"
#endif
#undef main

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *exactly(size_t size, uint8_t fill)
{
    uint8_t *memory = malloc(size + (size == 0));
    if (memory == NULL) {
        abort();
    }
    memset(memory, fill, size);
    return memory;
}

static void wild_call(model_state *wild, uint8_t what, uint8_t argument)
{
    const unsigned y = (unsigned)argument % (MODEL_FRAME_HEIGHT + 2u);
    const size_t size = (size_t)MODEL_ROW_BYTES + (what >> 3) - 15u * (what >= 128u);
    uint8_t *row = exactly(size, argument);
#if defined(MODEL_HOLD_LIVE)
    (void)!model_veil_row(wild, y, row, size);
#elif defined(MODEL_HOLD_ROWS)
    unsigned given = 0;
    (void)!model_push_row(wild, y, row, size);
    (void)!model_pop_row(wild, &given, row, size);
#else
    uint8_t *pixels = exactly(MODEL_FRAME_HEIGHT * size, (uint8_t)y);
    (void)!model_blur_frame(wild, pixels, size);
    free(pixels);
#endif
    free(row);
}

static void wild(const uint8_t *data, size_t size)
{
    model_state *state_of_anything = (void *)exactly(sizeof(model_state), data[0]);
    for (size_t i = 1; i + 3 < size && i < 400; i += 3) {
        switch (data[i] & 7) {
        case 0:
            ((uint8_t *)state_of_anything)[(data[i + 1] | data[i + 2] << 8) % sizeof(model_state)] ^= data[i];
            break;
        case 1:
            (void)!model_begin(state_of_anything);
            break;
        case 2:
            (void)!model_frame_lost(state_of_anything);
            break;
        default:
            for (unsigned n = 0; n <= data[i + 2] % MODEL_FRAME_HEIGHT; ++n) {
                wild_call(state_of_anything, data[i], (uint8_t)(data[i + 1] + n));
            }
            break;
        }
    }
    free(state_of_anything);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    if (data[0] & 1) {
        wild(data + 1, size - 1);
        return 0;
    }
#if defined(MODEL_HOLD_BUFFER)
    (void)veil_buffer_main;
    wild(data + 1, size - 1);
#else
    (void)veil_orders_main;
    flipped = 0;
    for (length = 0; length < LONGEST && length + 2 < size; ++length) {
        order[length] = (enum call)(data[length + 2] % CALLS);
    }
    try_order(data[1]);
#endif
    return 0;
}
