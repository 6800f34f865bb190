/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D in groups, one output row. Each output channel sums over a window of its group's input channels. */

#include "common.h"

struct grouped_conv_2d {
    const int8_t *weights; /* [out_channels][kernel_h][kernel_w][group_in] */
    const int32_t *bias;   /* [out_channels] */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    int16_t in_width, in_channels;
    int16_t in_zero_point;
    int16_t out_width, out_channels;
    int16_t group_in, group_out; /* channels of a group */
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
};

/* rows: [kernel_h], null where a row is padding, which adds nothing. */
KERNEL void grouped_conv_2d_row(const struct grouped_conv_2d *op, const int8_t *const *rows, int y, int8_t *restrict out,
                                void *scratch)
{
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        /* Taps first to last - 1 lie inside the picture. */
        const int left = x * op->stride - op->pad_left;
        const int first = left < 0 ? (op->dilation - 1 - left) / op->dilation : 0;
        const int inside = (op->in_width - left + op->dilation - 1) / op->dilation;
        const int last = inside < op->kernel_w ? inside : op->kernel_w;
        const int8_t *weights = op->weights;
        for (int channel = 0; channel < op->out_channels; ++channel) {
            const int group = channel / op->group_out * op->group_in;
            int32_t sum = op->bias[channel];
            for (int ky = 0; ky < op->kernel_h; ++ky) {
                for (int kx = first; rows[ky] != NULL && kx < last; ++kx) {
                    const int8_t *pixel = rows[ky] + (left + kx * op->dilation) * op->in_channels + group;
                    const int8_t *tap = weights + (ky * op->kernel_w + kx) * op->group_in;
                    for (int i = 0; i < op->group_in; ++i) {
                        sum += (pixel[i] - op->in_zero_point) * tap[i];
                    }
                }
            }
            weights += op->kernel_h * op->kernel_w * op->group_in;
            sum = requantize(sum, op->multiplier[channel], op->shift[channel]) + op->out_zero_point;
            *out++ = clamped(sum, op->least, op->most);
        }
    }
}
