/* SPDX-License-Identifier: Apache-2.0 */
/* QUANTIZE, RELU and LEAKY_RELU of 16-bit planes, one output row: each number times a factor, or another if negative. */

#include "common_int16.h"

struct requantize_int16 {
    int32_t size; /* numbers of a row */
    int32_t multiplier, negative_multiplier;
    int8_t shift, negative_shift;
    int16_t least, most;
};

KERNEL void requantize_int16_row(const struct requantize_int16 *op, const int16_t *const *rows, int y,
                                 int16_t *restrict out, void *scratch)
{
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < op->size; ++i) {
        const int32_t number = rows[0][i];
        const int32_t value = number < 0 ? requantize(number, op->negative_multiplier, op->negative_shift)
                                         : requantize(number, op->multiplier, op->shift);
        out[i] = clamped_int16(value, op->least, op->most);
    }
}
