/* MAX_POOL_2D, one output row. What lies outside the picture takes no part. */

#include "common.h"

struct max_pool_2d {
    int16_t in_width, out_width, channels;
    int16_t filter_h, filter_w, stride, pad_left;
    int16_t least, most;
};

KERNEL void max_pool_2d_row(const struct max_pool_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int left = x * op->stride - op->pad_left;
        const int right = left + op->filter_w < op->in_width ? left + op->filter_w : op->in_width;
        for (int channel = 0; channel < op->channels; ++channel) {
            int largest = INT8_MIN;
            for (int ky = 0; ky < op->filter_h; ++ky) {
                for (int ix = left < 0 ? 0 : left; rows[ky] != NULL && ix < right; ++ix) {
                    const int value = rows[ky][ix * op->channels + channel];
                    largest = value > largest ? value : largest;
                }
            }
            *out++ = clamped(largest, op->least, op->most);
        }
    }
}
