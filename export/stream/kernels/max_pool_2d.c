/* SPDX-License-Identifier: Apache-2.0 */
/* MAX_POOL_2D, one output row. What lies outside the picture takes no part. */

#include "common.h"

struct max_pool_2d {
    int16_t in_width, out_width, channels;
    int16_t filter_h, filter_w, stride, pad_left;
    int16_t least, most;
};

#if defined(HELIUM)
/* The largest of each channel, 16 at once. left, right: the window's columns in the picture. */
HELPER void pool_pixel(const struct max_pool_2d *op, const int8_t *const *rows, int left, int right, int8_t *out)
{
    for (int channel = 0; channel < op->channels; channel += 16) {
        const mve_pred16_t there = vctp8q((uint32_t)(op->channels - channel));
        int8x16_t largest = vdupq_n_s8((int8_t)op->least);
        for (int ky = 0; ky < op->filter_h; ++ky) {
            for (int ix = left; rows[ky] != NULL && ix < right; ++ix) {
                largest = vmaxq_s8(largest, vldrbq_z_s8(rows[ky] + ix * op->channels + channel, there));
            }
        }
        vstrbq_p_s8(out + channel, vminq_s8(largest, vdupq_n_s8((int8_t)op->most)), there);
    }
}
#else
/* The largest of each channel. left, right: the window's columns in the picture. */
HELPER void pool_pixel(const struct max_pool_2d *op, const int8_t *const *rows, int left, int right, int8_t *out)
{
    for (int channel = 0; channel < op->channels; ++channel) {
        int largest = INT8_MIN;
        for (int ky = 0; ky < op->filter_h; ++ky) {
            for (int ix = left; rows[ky] != NULL && ix < right; ++ix) {
                const int value = rows[ky][ix * op->channels + channel];
                largest = value > largest ? value : largest;
            }
        }
        out[channel] = clamped(largest, op->least, op->most);
    }
}
#endif

KERNEL void max_pool_2d_row(const struct max_pool_2d *op, const int8_t *const *rows, int y, int8_t *restrict out,
                            void *scratch)
{
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int left = x * op->stride - op->pad_left;
        const int right = left + op->filter_w < op->in_width ? left + op->filter_w : op->in_width;
        pool_pixel(op, rows, left < 0 ? 0 : left, right, out);
        out += op->channels;
    }
}
