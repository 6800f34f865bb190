/* SPDX-License-Identifier: Apache-2.0 */
/* PRELU, one output row. The second operand holds the slopes below zero. */

#include "common.h"

struct prelu {
    struct operands in;
    int32_t multiplier_above, multiplier_below;
    int8_t shift_above, shift_below;
    int16_t out_zero_point;
};

KERNEL void prelu_row(const struct prelu *op, const int8_t *const *rows, int y, int8_t *restrict out, void *scratch)
{
    const int8_t *first = rows[0], *slopes = second_row(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            int32_t value = first[channel * op->in.first_channel] - op->in.first_zero_point;
            if (value >= 0) {
                value = requantize(value, op->multiplier_above, op->shift_above);
            } else {
                value *= slopes[channel * op->in.second_channel] - op->in.second_zero_point;
                value = requantize(value, op->multiplier_below, op->shift_below);
            }
            *out++ = clamped(value + op->out_zero_point, INT8_MIN, INT8_MAX);
        }
        first += op->in.first_pixel;
        slopes += op->in.second_pixel;
    }
}
