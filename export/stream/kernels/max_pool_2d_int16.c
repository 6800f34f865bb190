/* SPDX-License-Identifier: Apache-2.0 */
/* MAX_POOL_2D of a 16-bit plane, one output row, as max_pool_2d.c. */

#include "common_int16.h"

struct max_pool_2d_int16 {
    int16_t in_width, out_width, channels;
    int16_t filter_h, filter_w, stride, pad_left;
    int16_t least, most;
};

KERNEL void max_pool_2d_int16_row(const struct max_pool_2d_int16 *op, const int16_t *const *rows, int y,
                                  int16_t *restrict out, void *scratch)
{
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int start = x * op->stride - op->pad_left;
        const int left = start < 0 ? 0 : start;
        const int right = start + op->filter_w < op->in_width ? start + op->filter_w : op->in_width;
        for (int channel = 0; channel < op->channels; ++channel) {
            int32_t largest = INT16_MIN;
            for (int ky = 0; ky < op->filter_h; ++ky) {
                for (int ix = left; rows[ky] != NULL && ix < right; ++ix) {
                    const int32_t value = rows[ky][ix * op->channels + channel];
                    largest = value > largest ? value : largest;
                }
            }
            *out++ = clamped_int16(largest, op->least, op->most);
        }
    }
}
