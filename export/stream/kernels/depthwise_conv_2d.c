/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D, one output row. Each output channel sums over a window of one input channel. */

#include "common.h"

struct depthwise_conv_2d {
    const int8_t *weights; /* [kernel_h][kernel_w][in_channels][depth_multiplier] */
    const int32_t *bias;   /* [in_channels][depth_multiplier] */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    int16_t in_width, in_channels;
    int16_t in_zero_point;
    int16_t out_width, depth_multiplier;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
};

/* rows: [kernel_h], null where a row is padding, which adds nothing. */
KERNEL void depthwise_conv_2d_row(const struct depthwise_conv_2d *op, const int8_t *const *rows, int y, int8_t *out,
                                  void *scratch)
{
    const int channels = op->in_channels * op->depth_multiplier;
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        /* Taps first to last - 1 lie inside the picture. */
        const int left = x * op->stride - op->pad_left;
        const int first = left < 0 ? (op->dilation - 1 - left) / op->dilation : 0;
        const int inside = (op->in_width - left + op->dilation - 1) / op->dilation;
        const int last = inside < op->kernel_w ? inside : op->kernel_w;
        for (int channel = 0; channel < channels; ++channel) {
            const int in_channel = channel / op->depth_multiplier;
            int32_t sum = op->bias[channel];
            for (int ky = 0; ky < op->kernel_h; ++ky) {
                if (rows[ky] == NULL) {
                    continue;
                }
                for (int kx = first; kx < last; ++kx) {
                    const int pixel = rows[ky][(left + kx * op->dilation) * op->in_channels + in_channel];
                    sum += (pixel - op->in_zero_point) * op->weights[(ky * op->kernel_w + kx) * channels + channel];
                }
            }
            sum = requantize(sum, op->multiplier[channel], op->shift[channel]) + op->out_zero_point;
            *out++ = clamped(sum, op->least, op->most);
        }
    }
}
