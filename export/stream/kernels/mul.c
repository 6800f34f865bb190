/* SPDX-License-Identifier: Apache-2.0 */
/* MUL, one output row. */

#include "common.h"

struct mul {
    struct operands in;
    int32_t multiplier;
    int8_t shift;
    int16_t out_zero_point, least, most;
};

KERNEL void mul_row(const struct mul *op, const int8_t *const *rows, int y, int8_t *restrict out, void *scratch)
{
    const int8_t *first = rows[0], *second = second_row(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            const int32_t one = first[channel * op->in.first_channel] - op->in.first_zero_point;
            const int32_t other = second[channel * op->in.second_channel] - op->in.second_zero_point;
            const int32_t product = requantize(one * other, op->multiplier, op->shift) + op->out_zero_point;
            *out++ = clamped(product, op->least, op->most);
        }
        first += op->in.first_pixel;
        second += op->in.second_pixel;
    }
}
