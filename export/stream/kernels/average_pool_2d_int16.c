/* SPDX-License-Identifier: Apache-2.0 */
/* AVERAGE_POOL_2D of a 16-bit plane, one output row, as average_pool_2d.c. */

#include "common_int16.h"

struct average_pool_2d_int16 {
    int16_t in_width, out_width, channels;
    int16_t filter_h, filter_w, stride, pad_left;
    int16_t least, most;
};

KERNEL void average_pool_2d_int16_row(const struct average_pool_2d_int16 *op, const int16_t *const *rows, int y,
                                      int16_t *out, void *scratch)
{
    int rows_inside = 0;
    (void)y;
    (void)scratch;
    for (int ky = 0; ky < op->filter_h; ++ky) {
        rows_inside += rows[ky] != NULL;
    }
    for (int x = 0; x < op->out_width; ++x) {
        const int start = x * op->stride - op->pad_left;
        const int left = start < 0 ? 0 : start;
        const int right = start + op->filter_w < op->in_width ? start + op->filter_w : op->in_width;
        const int32_t count = rows_inside * (right - left);
        for (int channel = 0; channel < op->channels; ++channel) {
            int32_t sum = 0;
            for (int ky = 0; ky < op->filter_h; ++ky) {
                for (int ix = left; rows[ky] != NULL && ix < right; ++ix) {
                    sum += rows[ky][ix * op->channels + channel];
                }
            }
            sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
            *out++ = clamped_int16(sum, op->least, op->most);
        }
    }
}
