/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D of 16-bit planes, one output row: as conv_2d.c, two pixels by two channels at a time.
 *
 * The windows of a strip of pixels are gathered column by column, with zeros where they hang over the border, for the
 * planes' zero points are 0. Columns that the next strip shares are kept. */

#include "common_int16.h"

/* Weights lie as conv_2d.c has them, but for the middle two of four, which have changed places: so the DSP extension
 * widens them to pairs in the order of the numbers. */
struct conv_2d_int16 {
    const int8_t *weights;    /* [phases][out_channels / 2][kernel_w * column / 4][2][4] */
    const int32_t *bias;      /* [out_channels]; null where sums may leave 32 bits: */
    const int64_t *wide_bias; /* then these, and else null */
    const int32_t *multiplier;
    const int8_t *shift;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t least, most;
    int16_t parts;
    int16_t in_width;
    int16_t out_width, out_channels;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
    int16_t column;     /* numbers of a window's column: kernel_h * the parts' channels, rounded up to 4 */
    int16_t phases;     /* output row y takes the weights of phase y % phases; 1 but for transposed convolutions */
    int16_t whole_words; /* each part's channels are a multiple of 2 */
    int16_t strip;      /* pixels whose windows are gathered together, even */
};

/* A column of pixels. rows: [parts][kernel_h], null where a row is padding. */
HELPER void gather_int16(const struct conv_2d_int16 *op, const int16_t *const *rows, int x, int16_t *column)
{
    const int inside = x >= 0 && x < op->in_width;
    const int16_t *const end = column + op->column;
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        UNROLL
        for (int part = 0; part < op->parts; ++part) {
            const int16_t *const row = rows[part * op->kernel_h + ky];
            const int channels = op->part_channels[part];
            if (!inside || row == NULL) {
                memset(column, 0, (size_t)channels * sizeof *column);
            } else if (op->whole_words) {
                const int16_t *const from = row + x * channels;
                UNROLL
                for (int i = 0; i < channels; i += 2) {
                    memcpy(WORDS(column + i), WORDS(from + i), 4);
                }
            } else {
                const int16_t *const from = row + x * channels;
                UNROLL
                for (int i = 0; i < channels; ++i) {
                    column[i] = from[i];
                }
            }
            column += channels;
        }
    }
    while (column < end) {
        *column++ = 0;
    }
}

#if defined(DSP)
#include "multiply_2x2_dsp.h"
#else
/* As multiply_2x2_dsp.h's. */
static void multiply_2x2_int16(const int16_t *left, const int16_t *right, const int8_t *weights, const int8_t *end,
                               int32_t *sums)
{
    int32_t s00 = sums[0], s01 = sums[1], s10 = sums[2], s11 = sums[3];
    do {
        UNROLL_4
        for (int i = 0; i < 4; ++i) {
            const int at = i % 2 * 2 + i / 2;
            const int32_t a = weights[i], b = weights[4 + i];
            s00 += a * left[at];
            s01 += a * right[at];
            s10 += b * left[at];
            s11 += b * right[at];
        }
        left += 4;
        right += 4;
        weights += 8;
    } while (weights != end);
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s10;
    sums[3] = s11;
}
#endif

/* One channel's sums at two pixels become numbers. */
HELPER void finish_pair_int16(const struct conv_2d_int16 *op, int channel, const int32_t *sums, int16_t *out, int second)
{
    const int32_t multiplier = op->multiplier[channel], least = op->least, most = op->most;
    const int shift = op->shift[channel];
    const size_t apart = (size_t)op->out_channels;
    out += channel;
    UNROLL
    for (int i = 0; i < 1 + second; ++i) {
        *out = clamped_int16(requantize_narrow(sums[i], multiplier, shift), least, most);
        out += apart;
    }
}

/* Both pixels' channels. */
HELPER void multiply_narrow(const struct conv_2d_int16 *op, const int16_t *left, const int16_t *right,
                            const int8_t *weights, int size, int second, int16_t *out)
{
    for (int channel = 0; channel < op->out_channels; channel += 2) {
        const int both = op->out_channels % 2 == 0 || channel + 1 < op->out_channels;
        const int32_t first_bias = op->bias[channel], second_bias = op->bias[channel + both];
        int32_t sums[4] = {first_bias, first_bias, second_bias, second_bias};
#if defined(DSP)
        multiply_2x2((const uint32_t *)(const void *)left, (const uint32_t *)(const void *)right, weights,
                     weights + size, sums);
#else
        multiply_2x2_int16(left, right, weights, weights + size, sums);
#endif
        weights += size;
        finish_pair_int16(op, channel, sums, out, second);
        if (both) {
            finish_pair_int16(op, channel + 1, sums + 2, out, second);
        }
    }
}

/* The channels of one pixel, in 64 bits. */
HELPER void multiply_wide(const struct conv_2d_int16 *op, const int16_t *window, const int8_t *weights, int size,
                          int16_t *out)
{
    for (int channel = 0; channel < op->out_channels; ++channel) {
        const int8_t *const own = weights + channel / 2 * size + channel % 2 * 4;
        int64_t sum = op->wide_bias[channel];
        for (int i = 0; i < size / 2; ++i) {
            const int at = i % 4 % 2 * 2 + i % 4 / 2;
            sum += own[i / 4 * 8 + i % 4] * window[i / 4 * 4 + at];
        }
        const int32_t value = requantize_wide(sum, op->multiplier[channel], op->shift[channel]);
        *out++ = clamped_int16(value, op->least, op->most);
    }
}

KERNEL void conv_2d_int16_row(const struct conv_2d_int16 *op, const int16_t *const *rows, int y, int16_t *out,
                              void *scratch)
{
    const int size = 2 * op->kernel_w * op->column; /* weights of two channels */
    const int8_t *const weights = op->weights + y % op->phases * ((op->out_channels + 1) / 2) * size;
    /* Neighbouring windows share columns, unless they are spread. */
    const int shared = op->dilation == 1 && op->stride <= op->kernel_w;
    const int apart = shared ? op->stride : op->kernel_w;
    const int kept = shared ? op->kernel_w - op->stride : 0;
    int16_t *const window = scratch;
    for (int x = 0; x < op->out_width; x += op->strip) {
        const int pixels = x + op->strip <= op->out_width ? op->strip : op->out_width - x;
        const int columns = ((pixels + 1) / 2 * 2 - 1) * apart + op->kernel_w;
        const int left = x * op->stride - op->pad_left;
        if (x > 0) {
            for (int i = 0; i < kept * op->column; ++i) {
                window[i] = window[op->strip * apart * op->column + i];
            }
        }
        for (int i = x > 0 ? kept : 0; i < columns; ++i) {
            const int at = left + (shared ? i : i / op->kernel_w * op->stride + i % op->kernel_w * op->dilation);
            gather_int16(op, rows, at, window + i * op->column);
        }
        for (int pixel = 0; pixel < pixels; pixel += 2) {
            const int second = op->out_width % 2 == 0 || pixel + 1 < pixels;
            const int16_t *const here = window + pixel * apart * op->column;
            const int16_t *const next = here + apart * op->column;
            if (op->bias != NULL) {
                multiply_narrow(op, here, next, weights, size, second, out);
            } else {
                multiply_wide(op, here, weights, size, out);
                if (second) {
                    multiply_wide(op, next, weights, size, out + op->out_channels);
                }
            }
            out += 2 * op->out_channels;
        }
    }
}
