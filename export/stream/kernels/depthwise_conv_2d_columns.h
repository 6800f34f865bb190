/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D with a window of 3x3 without dilation: one channel of a row after the other, column by column.
 *
 * Each number of a column is read once: it ends the sum of one output number, goes on with that of the next, and begins
 * the one after. Sums are twice what they are, as requantization wants them: weights are doubled once a row. The input's
 * zero point is taken off beforehand, times all weights, with the bias. Padding is only the first or the last row or
 * column of a window: where a row is padding its weights are zeros for as long, and a column of padding holds the zero
 * point. */

/* What requantization needs for a channel. */
struct scale {
    int32_t multiplier, rounding, right;
};

/* Twice the sums of the two output numbers that a column goes on with. */
struct begun {
    int32_t first, second;
};

/* -1 for a negative sum, where rounding wants to know: what activations clamp to the zero point may round either way, and
 * where the sum rounds to 0 the sign does not matter. */
SHARED int32_t sign_of(const struct depthwise_conv_2d *op, int32_t sum)
{
    return SPELLED_OUT && op->least >= op->out_zero_point ? 0 : sum >> 31;
}

#if defined(ARMV6M) || defined(ARMV7M)
struct trio {
    const int8_t *top; /* the first of three numbers above each other; `taps` knows how far the others are */
};

HELPER struct trio from_lines(const int8_t *const *lines, int32_t offset)
{
    const struct trio pixel = {lines[0] + offset};
    return pixel;
}

HELPER struct trio moved_by(struct trio pixel, int32_t step)
{
    pixel.top += step;
    return pixel;
}
#endif

#if defined(DSP)
#include "depthwise_conv_2d_columns_dsp.h"
#elif defined(ARMV6M)
#include "depthwise_conv_2d_columns_armv6m.h"
#elif defined(ARMV7M)
#include "depthwise_conv_2d_columns_armv7m.h"
#else
#include "depthwise_conv_2d_columns_portable.h"
#endif

#if !defined(ARMV7M)
/* Returns the sums that two columns end, `step` bytes from each other. */
HELPER struct begun add_two_columns(const struct nine *taps, struct trio pixel, int32_t step, struct begun *begun)
{
    struct begun ended;
    ended.first = add_column(taps, pixel, begun);
    ended.second = add_column(taps, moved_by(pixel, step), begun);
    return ended;
}
#endif

/* Whether most columns are added in assembly, out of line. */
#if defined(ARMV6M)
enum { WALKS = 1 };
#else
enum { WALKS = 0 };
#endif

/* What all columns of a row need for a channel. */
struct prepared {
    struct nine taps;
    int32_t left, right; /* what padding adds as the first, as the last column of a window */
    struct scale scale;
};

/* channel: of the output. lines: the three rows, the middle one in place of padding. */
HELPER void prepare_channel(const struct depthwise_conv_2d *op, const int8_t *const *rows, const int8_t *const *lines,
                            int channel, struct prepared *made)
{
    const int channels = op->in_channels * op->depth_multiplier, right = -op->shift[channel];
    const int8_t *weights = op->weights + channel;
    int32_t twice[9], sums[3];
    UNROLL
    for (int ky = 0; ky < 3; ++ky) {
        UNROLL
        for (int kx = 0; kx < 3; ++kx) {
            twice[3 * ky + kx] = 2 * *weights;
            weights += channels;
        }
    }
    if (rows[0] == NULL) {
        twice[0] = twice[1] = twice[2] = 0;
    }
    if (rows[2] == NULL) {
        twice[6] = twice[7] = twice[8] = 0;
    }
    UNROLL
    for (int kx = 0; kx < 3; ++kx) {
        sums[kx] = (twice[kx] + twice[3 + kx] + twice[6 + kx]) * op->in_zero_point;
    }
    made->left = sums[0];
    made->right = sums[2];
    arrange_taps(twice, 2 * op->bias[channel] - sums[0] - sums[1] - sums[2], lines, &made->taps);
    made->scale.multiplier = op->multiplier[channel];
    made->scale.rounding = (2 * op->out_zero_point + 1) * (1 << (right - 1));
    made->scale.right = right;
}

/* The numbers 0 to count - 1, all of whose columns are inside the picture, and so are those up to the next number's last
 * one; of the first number, all but the last column are in `begun`. Returns where the next one's last column is. */
HELPER struct trio make_inside_columns(const struct depthwise_conv_2d *op, struct prepared *by, struct trio pixel,
                                        struct begun *begun, int count, int8_t *restrict out)
{
    const int channels = op->in_channels * op->depth_multiplier;
    int x = 0;
#if defined(ARMV6M)
    x = walk_columns(op, &by->taps, &by->scale, pixel, begun, count, out);
    pixel = moved_by(pixel, x * op->stride * op->in_channels);
    out += x * channels;
#endif
    if (op->stride == 1) {
        for (; x + 1 < count; x += 2) {
            const struct begun ended = add_two_columns(&by->taps, pixel, op->in_channels, begun);
            out[0] = as_byte(op, &by->scale, ended.first);
            out[channels] = as_byte(op, &by->scale, ended.second);
            out += 2 * channels;
            pixel = moved_by(pixel, 2 * op->in_channels);
        }
    }
    for (; x < count; ++x) {
        int32_t ended;
        if (op->stride == 2) {
            ended = add_two_columns(&by->taps, pixel, op->in_channels, begun).first;
        } else {
            ended = add_column(&by->taps, pixel, begun);
            for (int i = 1; i < op->stride; ++i) {
                (void)add_column(&by->taps, moved_by(pixel, i * op->in_channels), begun);
            }
        }
        *out = as_byte(op, &by->scale, ended);
        out += channels;
        pixel = moved_by(pixel, op->stride * op->in_channels);
    }
    return pixel;
}

/* lines: the three rows, the middle one in place of padding. */
HELPER void make_channel(const struct depthwise_conv_2d *op, struct prepared *by, const int8_t *const *lines,
                         int in_channel, int8_t *restrict out)
{
    const int whole = (op->in_width - 2 + op->pad_left) / op->stride;
    const int count = whole < op->out_width ? whole : op->out_width;
    const int32_t start = by->taps.start;
    struct begun begun = {start, start + by->left};
    struct trio pixel = from_lines(lines, in_channel);
    if (op->pad_left == 0) {
        (void)add_column(&by->taps, pixel, &begun);
        pixel = moved_by(pixel, op->in_channels);
    }
    (void)add_column(&by->taps, pixel, &begun);
    pixel = make_inside_columns(op, by, moved_by(pixel, op->in_channels), &begun, count, out);
    if (count < op->out_width) {
        const int inside = whole * op->stride + 2 - op->pad_left < op->in_width;
        const int32_t ended = inside ? add_column(&by->taps, pixel, &begun) : begun.first + by->right;
        out[count * op->in_channels * op->depth_multiplier] = as_byte(op, &by->scale, ended);
    }
}

/* The same in less code: one column at a time, and each counts down to the next number of the output. */
HELPER void make_channel_shortly(const struct depthwise_conv_2d *op, const struct prepared *by, const int8_t *const *lines,
                                 int in_channel, int8_t *restrict out)
{
    const int32_t start = by->taps.start;
    struct begun begun = {start, start + by->left};
    struct trio pixel = from_lines(lines, in_channel);
    int wait = 3 - op->pad_left, left = op->out_width;
    for (int column = 0; left > 0; ++column) {
        int32_t ended = begun.first + by->right;
        if (column < op->in_width) {
            ended = add_column(&by->taps, pixel, &begun);
            pixel = moved_by(pixel, op->in_channels);
        }
        if (--wait == 0) {
            *out = as_byte(op, &by->scale, ended);
            out += op->in_channels * op->depth_multiplier;
            wait = op->stride;
            --left;
        }
    }
}

/* All channels of a row. */
HELPER void make_columns(const struct depthwise_conv_2d *op, const int8_t *const *rows, int8_t *restrict out)
{
    const int8_t *const lines[3] = {rows[0] != NULL ? rows[0] : rows[1], rows[1], rows[2] != NULL ? rows[2] : rows[1]};
    for (int in_channel = 0, channel = 0; in_channel < op->in_channels; ++in_channel) {
        for (int i = 0; i < op->depth_multiplier; ++i) {
            struct prepared by;
            prepare_channel(op, rows, lines, channel, &by);
            if (SPELLED_OUT || WALKS) {
                make_channel(op, &by, lines, in_channel, out + channel);
            } else {
                make_channel_shortly(op, &by, lines, in_channel, out + channel);
            }
            ++channel;
        }
    }
}
