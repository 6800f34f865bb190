/* SPDX-License-Identifier: Apache-2.0 */
/* ADD and SUB of 16-bit planes, one output row. Both operands are brought to one scale with 15 bits to spare. */

#include "common_int16.h"

struct add_int16 {
    struct operands_int16 in;
    int32_t first_unit, second_unit; /* 2^15; minus that for an operand that is subtracted */
    int32_t first_multiplier, second_multiplier, out_multiplier;
    int8_t first_shift, second_shift, out_shift;
    int16_t least, most;
};

KERNEL void add_int16_row(const struct add_int16 *op, const int16_t *const *rows, int y, int16_t *restrict out,
                          void *scratch)
{
    const int16_t *first = rows[0], *second = second_row_int16(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            const int32_t one = first[channel * op->in.first_channel];
            const int32_t other = second[channel * op->in.second_channel];
            const int32_t sum = requantize(one * op->first_unit, op->first_multiplier, op->first_shift)
                                + requantize(other * op->second_unit, op->second_multiplier, op->second_shift);
            *out++ = clamped_int16(requantize(sum, op->out_multiplier, op->out_shift), op->least, op->most);
        }
        first += op->in.first_pixel;
        second += op->in.second_pixel;
    }
}
