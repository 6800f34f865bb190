/* SPDX-License-Identifier: Apache-2.0 */
/* ADD and SUB, one output row. Both operands are brought to one scale with 20 bits to spare. */

#include "common.h"

struct add {
    struct operands in;
    int32_t first_unit, second_unit; /* 2^20; minus that for an operand that is subtracted */
    int32_t first_multiplier, second_multiplier, out_multiplier;
    int8_t first_shift, second_shift, out_shift;
    int16_t out_zero_point, least, most;
};

KERNEL void add_row(const struct add *op, const int8_t *const *rows, int y, int8_t *restrict out, void *scratch)
{
    const int8_t *first = rows[0], *second = second_row(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            const int32_t one = first[channel * op->in.first_channel] - op->in.first_zero_point;
            const int32_t other = second[channel * op->in.second_channel] - op->in.second_zero_point;
            int32_t sum = requantize(one * op->first_unit, op->first_multiplier, op->first_shift)
                          + requantize(other * op->second_unit, op->second_multiplier, op->second_shift);
            sum = requantize(sum, op->out_multiplier, op->out_shift) + op->out_zero_point;
            *out++ = clamped(sum, op->least, op->most);
        }
        first += op->in.first_pixel;
        second += op->in.second_pixel;
    }
}
