/* SPDX-License-Identifier: Apache-2.0 */
/* TRANSPOSE_CONV of a 16-bit plane, one output row, as transpose_conv.c; sums have 64 bits. */

#include "common_int16.h"

struct transpose_conv_int16 {
    const int8_t *weights; /* [out_channels][kernel_h][kernel_w][in_channels] */
    const int64_t *bias;   /* [out_channels] */
    const int32_t *multiplier;
    const int8_t *shift;
    int16_t least, most;
    int16_t in_width, in_channels;
    int16_t out_width, out_channels;
    int16_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
};

/* Division that rounds down, for a positive divisor. */
static inline int floor_divide_int16(int value, int by)
{
    return value >= 0 ? value / by : -((by - 1 - value) / by);
}

/* rows: those that reach row y, top to bottom, null where there is none. */
KERNEL void transpose_conv_int16_row(const struct transpose_conv_int16 *op, const int16_t *const *rows, int y,
                                     int16_t *out, void *scratch)
{
    const int first_row = floor_divide_int16(y + op->pad_top - op->kernel_h, op->stride_h) + 1;
    const int last_row = floor_divide_int16(y + op->pad_top, op->stride_h);
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int first = floor_divide_int16(x + op->pad_left - op->kernel_w, op->stride_w) + 1;
        const int last = floor_divide_int16(x + op->pad_left, op->stride_w);
        for (int channel = 0; channel < op->out_channels; ++channel) {
            int64_t sum = op->bias[channel];
            for (int iy = first_row; iy <= last_row; ++iy) {
                const int16_t *row = rows[iy - first_row];
                const int ky = y + op->pad_top - iy * op->stride_h;
                if (row == NULL) {
                    continue;
                }
                for (int ix = first < 0 ? 0 : first; ix <= last && ix < op->in_width; ++ix) {
                    const int kx = x + op->pad_left - ix * op->stride_w;
                    const int16_t *pixel = row + (size_t)ix * (size_t)op->in_channels;
                    const int8_t *weights = op->weights + (size_t)((channel * op->kernel_h + ky) * op->kernel_w + kx)
                                            * (size_t)op->in_channels;
                    for (int i = 0; i < op->in_channels; ++i) {
                        sum += pixel[i] * weights[i];
                    }
                }
            }
            const int32_t value = requantize_wide(sum, op->multiplier[channel], op->shift[channel]);
            *out++ = clamped_int16(value, op->least, op->most);
        }
    }
}
