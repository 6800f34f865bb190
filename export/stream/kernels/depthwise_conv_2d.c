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
    int16_t tame; /* no sum reaches 2^30, every shift is -1 to -20: requantize_tame may be used; no weight is -128 */
};

/* The taps of a window whose first one is at `left` that lie inside the picture: first to last - 1. */
HELPER int first_tap(const struct depthwise_conv_2d *op, int left)
{
    return left < 0 ? (op->dilation - 1 - left) / op->dilation : 0;
}

HELPER int last_tap(const struct depthwise_conv_2d *op, int left)
{
    const int inside = (op->in_width - left + op->dilation - 1) / op->dilation;
    return inside < op->kernel_w ? inside : op->kernel_w;
}

HELPER int8_t finished_channel(const struct depthwise_conv_2d *op, int channel, int32_t sum)
{
    const int32_t multiplier = op->multiplier[channel], zero_point = op->out_zero_point;
    const int shift = op->shift[channel];
    const int32_t value = op->tame ? requantize_tame(sum, multiplier, -shift, zero_point)
                                   : requantize(sum, multiplier, shift) + zero_point;
    return clamped(value, op->least, op->most);
}

/* One channel of a pixel. Rows that are padding add nothing. */
HELPER int8_t one_channel(const struct depthwise_conv_2d *op, const int8_t *const *rows, int left, int first, int last,
                          int channel)
{
    const int channels = op->in_channels * op->depth_multiplier;
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
    return finished_channel(op, channel, sum);
}

#include "depthwise_conv_2d_columns.h"
/* Whether columns are faster than several channels together, where both can be. */
#if defined(HELIUM)
enum { COLUMNS_WIN = 0 };
#else
enum { COLUMNS_WIN = 1 };
#endif
#if defined(HELIUM)
#include "depthwise_conv_2d_mve.h"
#elif defined(DSP)
#include "depthwise_conv_2d_dsp.h"
#else
/* Make channels together; returns how many. */
HELPER int make_depthwise(const struct depthwise_conv_2d *op UNUSED, const int8_t *const *rows UNUSED,
                         int8_t *restrict out UNUSED, void *scratch UNUSED)
{
    return 0;
}
#endif

/* rows: [kernel_h], null where a row is padding. */
KERNEL void depthwise_conv_2d_row(const struct depthwise_conv_2d *op, const int8_t *const *rows, int y,
                                  int8_t *restrict out, void *scratch)
{
    const int channels = op->in_channels * op->depth_multiplier;
    const int columns = op->kernel_h == 3 && op->kernel_w == 3 && op->dilation == 1 && op->tame;
    int made = 0;
    (void)y;
    if (columns && (COLUMNS_WIN || op->depth_multiplier > 1)) {
        make_columns(op, rows, out);
        made = channels;
    } else if (op->depth_multiplier == 1) {
        made = make_depthwise(op, rows, out, scratch);
    }
    for (int x = 0; x < op->out_width && made < channels; ++x) {
        const int left = x * op->stride - op->pad_left;
        const int first = first_tap(op, left), last = last_tap(op, left);
        for (int channel = made; channel < channels; ++channel) {
            out[channel] = one_channel(op, rows, left, first, last, channel);
        }
        out += channels;
    }
}
