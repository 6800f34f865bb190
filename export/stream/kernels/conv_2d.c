/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D, one output row.
 *
 * The windows of a strip of pixels are gathered column by column, with the input's zero point where they hang over the
 * border. Then every output number is one long sum of products: the bias has the zero point folded in. Each processor
 * has its own way to gather and to multiply. */

#include "common.h"

/* Weights lie column by column of the window: a column holds kernel_h pixels of in_channels, and is filled up with zeros
 * to a multiple of 4 bytes, so that kernels may take words. Words of two output channels take turns, so that kernels
 * need one pointer for both; a last odd channel has zeros beside it. */
struct conv_2d {
    const int8_t *weights; /* [phases][out_channels / 2][kernel_w * column_bytes / 4][2][4] */
    const int32_t *bias;   /* [phases][out_channels], less in_zero_point times the channel's weights */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t parts;
    int16_t in_width, in_channels;
    int16_t in_zero_point;
    int16_t out_width, out_channels;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
    int16_t column_bytes; /* kernel_h * in_channels, rounded up to 4 */
    int16_t phases;       /* output row y takes the weights of phase y % phases; 1 but for transposed convolutions */
    int16_t tame;         /* no sum reaches 2^30, and every shift is -1 to -20: requantize_tame may be used */
    int16_t whole_words;  /* each part's channels are a multiple of 4 */
    int16_t strip;        /* pixels whose windows are gathered together, even */
};

/* Word by word where pixels are whole words: some processors know no others, and memcpy would be called for each. */
HELPER void copy_pixel(const struct conv_2d *op, const int8_t *from, size_t size, int8_t *to)
{
    if (op->whole_words) {
        UNROLL
        for (size_t i = 0; i < size; i += 4) {
            memcpy(WORDS(to + i), WORDS(from + i), 4);
        }
    } else {
        UNROLL
        for (size_t i = 0; i < size; ++i) {
            to[i] = from[i];
        }
    }
}

/* A column of pixels of any size, as it lies in the rows. rows: [parts][kernel_h], null where a row is padding. */
HELPER void gather_bytes(const struct conv_2d *op, const int8_t *const *rows, int x, int8_t *column)
{
    const int inside = x >= 0 && x < op->in_width;
    const int8_t *const end = column + op->column_bytes;
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        UNROLL
        for (int part = 0; part < op->parts; ++part) {
            const int8_t *row = rows[part * op->kernel_h + ky];
            const size_t channels = (size_t)op->part_channels[part];
            if (inside && row != NULL) {
                copy_pixel(op, row + (size_t)x * channels, channels, column);
            } else {
                memset(column, op->in_zero_point, channels);
            }
            column += channels;
        }
    }
    while (column < end) {
        *column++ = 0;
    }
}

#if defined(HELIUM)
#include "conv_2d_mve.h"
#else
#if defined(DSP)
#include "conv_2d_dsp.h"
#elif defined(ARMV6M)
#include "conv_2d_armv6m.h"
#else
#include "conv_2d_portable.h"
#endif
#include "conv_2d_2x2.h"
#endif
