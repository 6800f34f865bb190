/* SPDX-License-Identifier: Apache-2.0 */
/* MINIMUM and MAXIMUM, one output row: steps of one scale. */

#include "common.h"

struct extremes {
    struct operands in;
    int8_t largest; /* 1 for MAXIMUM */
};

KERNEL void extremes_row(const struct extremes *op, const int8_t *const *rows, int y, int8_t *restrict out, void *scratch)
{
    const int8_t *first = rows[0], *second = second_row(&op->in, rows, y);
    (void)scratch;
    for (int x = 0; x < op->in.width; ++x) {
        for (int channel = 0; channel < op->in.channels; ++channel) {
            const int8_t one = first[channel * op->in.first_channel], other = second[channel * op->in.second_channel];
            *out++ = (one > other) == (op->largest != 0) ? one : other;
        }
        first += op->in.first_pixel;
        second += op->in.second_pixel;
    }
}
