/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D of a 16-bit plane, one output row. Each output channel sums over a window of one input channel. */

#include "common_int16.h"

struct depthwise_conv_2d_int16 {
    const int8_t *weights;    /* [kernel_h][kernel_w][in_channels][depth_multiplier] */
    const int32_t *bias;      /* [in_channels][depth_multiplier]; null where sums may leave 32 bits: */
    const int64_t *wide_bias; /* then these, and else null */
    const int32_t *multiplier;
    const int8_t *shift;
    int16_t least, most;
    int16_t in_width, in_channels;
    int16_t out_width, depth_multiplier;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
};

/* One channel of a pixel, over the taps `first` to `last` - 1 that lie inside the picture. */
HELPER int32_t channel_int16(const struct depthwise_conv_2d_int16 *op, const int16_t *const *rows, int left, int first,
                             int last, int channel)
{
    const int channels = op->in_channels * op->depth_multiplier;
    const int in_channel = channel / op->depth_multiplier;
    int32_t sum = 0;
    int64_t wide = 0;
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        if (rows[ky] == NULL) {
            continue; /* padding adds nothing */
        }
        for (int kx = first; kx < last; ++kx) {
            const int32_t pixel = rows[ky][(left + kx * op->dilation) * op->in_channels + in_channel];
            const int32_t product = pixel * op->weights[(ky * op->kernel_w + kx) * channels + channel];
            if (op->bias != NULL) {
                sum += product;
            } else {
                wide += product;
            }
        }
    }
    if (op->bias != NULL) {
        return requantize_narrow(sum + op->bias[channel], op->multiplier[channel], op->shift[channel]);
    }
    return requantize_wide(wide + op->wide_bias[channel], op->multiplier[channel], op->shift[channel]);
}

KERNEL void depthwise_conv_2d_int16_row(const struct depthwise_conv_2d_int16 *op, const int16_t *const *rows, int y,
                                        int16_t *restrict out, void *scratch)
{
    const int channels = op->in_channels * op->depth_multiplier;
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int left = x * op->stride - op->pad_left;
        const int first = left < 0 ? (op->dilation - 1 - left) / op->dilation : 0;
        const int inside = (op->in_width - left + op->dilation - 1) / op->dilation;
        const int last = inside < op->kernel_w ? inside : op->kernel_w;
        for (int channel = 0; channel < channels; ++channel) {
            const int32_t value = channel_int16(op, rows, left, first, last, channel);
            *out++ = clamped_int16(value, op->least, op->most);
        }
    }
}
