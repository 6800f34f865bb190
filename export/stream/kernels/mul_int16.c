/* SPDX-License-Identifier: Apache-2.0 */
/* MUL of 16-bit planes, one output row. */

#include "common_int16.h"

struct mul_int16 {
    struct operands_int16 in;
    int32_t multiplier;
    int8_t shift;
    int16_t least, most;
};

KERNEL void mul_int16_row(const struct mul_int16 *op, const int16_t *const *rows, int y, int16_t *restrict out,
                          void *scratch)
{
    const int16_t *first = rows[0], *second = second_row_int16(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            const int32_t one = first[channel * op->in.first_channel];
            const int32_t other = second[channel * op->in.second_channel];
            *out++ = clamped_int16(requantize(one * other, op->multiplier, op->shift), op->least, op->most);
        }
        first += op->in.first_pixel;
        second += op->in.second_pixel;
    }
}
