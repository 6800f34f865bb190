/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D 3x3 of stride 1, two output rows, by Winograd's F(2x2, 3x3): 16 products instead of 36 for 2x2 outputs.
 *
 * With twice the usual matrix, the transformed weights are integers: sums of products, modulo 2^32, are exactly four
 * times what they should be, and that fits (the lowering sees to it).
 *
 * A tile is 4x4 input pixels and 2x2 outputs. Two tiles side by side are a pair, which meets four output channels at a
 * time. The four rows of the transform follow each other, so that scratch holds a quarter of the transformed input:
 * for rows and columns alike in the order 1, 2, 0, 3, the last one with its sign changed. With m(n) for their products,
 * outputs are m(1) + m(2) + m(0) and m(1) - m(2) + m(3).
 *
 * Four input channels are a group: in each part, the last one is filled up by weights of 0. */

#include "common.h"

struct conv_2d_winograd {
    const int16_t *weights; /* [4 rows][blocks][4 columns][groups][2][4][2]: channels 4b + k of 4g + e + 2i */
    const int32_t *scaling; /* [out_channels][2]: twice the bias, less in_zero_point times the weights; the multiplier */
    const int8_t *right;    /* [out_channels] */
    int32_t out_zero_point, least, most;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t parts;
    int16_t in_width, in_zero_point;
    int16_t out_width, out_channels;
    int16_t pad_left;
    int16_t groups; /* of input channels, in all parts */
    int16_t blocks; /* of four output channels */
    int16_t strip;  /* pairs of tiles that are transformed together */
    int16_t chunk;  /* blocks whose sums scratch holds */
};

/* What the sums of a pair and a block are. */
enum { ROWS = 2, COLUMNS = 2, TILES = 2, BLOCK = 4, SUMS = ROWS * COLUMNS * TILES * BLOCK };

#if defined(DSP)
#include "conv_2d_winograd_dsp.h"
#else
#include "conv_2d_winograd_portable.h"
#endif

/* Two rows of one of the input's planes. */
struct source {
    const int8_t *a, *b; /* null where they are padding */
    int channels;
    int sum; /* of both, or their difference */
};

/* Six columns of a pair of tiles that hangs over a border, or whose pixels are no whole words: four channels of each. */
HELPER void gather_columns(const struct conv_2d_winograd *op, const int8_t *row, int channels, int channel, int x,
                           int8_t *words)
{
    const int size = channels - channel < 4 ? channels - channel : 4;
    const int first = x < 0 ? -x : 0, end = row == NULL ? first : op->in_width - x < 6 ? op->in_width - x : 6;
    memset(words, op->in_zero_point, 24);
    for (int i = first; i < end; ++i) {
        const int8_t *from = row + (x + i) * channels + channel;
        int8_t *const to = words + 4 * i;
        if (size == 4) {
            to[0] = from[0];
            to[1] = from[1];
            to[2] = from[2];
            to[3] = from[3];
        } else {
            for (int k = 0; k < size; ++k) {
                to[k] = from[k];
            }
        }
    }
}

/* A pair of tiles from column x on, channels from one on. to: [4 columns][groups][2][TILES], this group's. */
SEPARATE void transform_carefully(const struct conv_2d_winograd *op, const struct source *from, int channel, int x,
                                  uint32_t *to)
{
    for (; channel < from->channels; channel += 4) {
        int8_t words[2][24] ALIGNED;
        gather_columns(op, from->a, from->channels, channel, x, words[0]);
        gather_columns(op, from->b, from->channels, channel, x, words[1]);
        transform_groups(words[0], words[1], 4, 1, to + channel / 4 * 2 * TILES, 2 * TILES * op->groups, from->sum, 1);
    }
}

/* Pairs of tiles from column x on. to: [pairs][4 columns][groups][2][TILES], this source's first group. */
HELPER void transform_source(const struct conv_2d_winograd *op, const struct source *from, int x, int pairs, uint32_t *to)
{
    const int next = 2 * TILES * op->groups, whole = from->channels / 4;
    const int there = from->a != NULL && from->b != NULL && whole > 0;
    const int begin = x < 0 ? 1 : 0;
    const int left = op->in_width - x - 2 < 0 ? 0 : (op->in_width - x - 2) / 4; /* pairs before the border */
    const int end = left < pairs ? left : pairs;
    const int plain = there && begin < end;
    if (plain) {
        const int at = (x + 4 * begin) * from->channels;
        transform_groups(from->a + at, from->b + at, from->channels, end - begin, to + begin * 4 * next, next, from->sum,
                         whole);
    }
    for (int pair = 0; pair < pairs; ++pair) {
        const int done = plain && pair >= begin && pair < end ? 4 * whole : 0;
        if (done < from->channels) {
            transform_carefully(op, from, done, x + 4 * pair, to + pair * 4 * next);
        }
    }
}

/* A row of the transform, all channels. rows: [parts][4]. */
HELPER void transform_strip(const struct conv_2d_winograd *op, const int8_t *const *rows, int step, int x, int pairs,
                            uint32_t *to)
{
    static const int8_t first[4] = {1, 2, 0, 1}, second[4] = {2, 1, 2, 3};
    for (int part = 0; part < op->parts; ++part) {
        const struct source from = {rows[4 * part + first[step]], rows[4 * part + second[step]], op->part_channels[part],
                                    step == 0};
        transform_source(op, &from, x, pairs, to);
        to += (from.channels + 3) / 4 * 2 * TILES;
    }
}

/* The sums of a pair become bytes: any clamp, one row or both, fewer than four pixels; channels from `first` to `end`. */
SEPARATE void finish_carefully(const struct conv_2d_winograd *op, const int32_t *sums, int first, int end,
                               int8_t *const *outs, int x)
{
    const int apart = op->out_channels, pixels = op->out_width - x < 4 ? op->out_width - x : 4;
    for (int channel = first; channel < end; ++channel) {
        const int32_t twice_bias = op->scaling[2 * channel], multiplier = op->scaling[2 * channel + 1];
        for (int row = 0; row < ROWS; ++row) {
            for (int i = 0; outs[row] != NULL && i < pixels; ++i) {
                const int32_t sum = sums[((row * COLUMNS + i % 2) * TILES + i / 2) * BLOCK];
                const int32_t value = requantize_twice((sum >> 1) + twice_bias, multiplier, op->right[channel],
                                                       op->out_zero_point);
                outs[row][(x + i) * apart + channel] = clamped(value, op->least, op->most);
            }
        }
        sums += channel % BLOCK == BLOCK - 1 ? SUMS - (BLOCK - 1) : 1;
    }
}

/* A strip of `count` pairs, from a pair on, and `some` blocks, from a block on. */
HELPER void make_strip(const struct conv_2d_winograd *op, const int8_t *const *rows, int pair, int count, int block,
                       int some, int8_t *const *outs, void *scratch)
{
    uint32_t *const inputs = scratch;
    int32_t *const sums = (int32_t *)(inputs + op->strip * 4 * 2 * TILES * op->groups);
    const int weights = 4 * op->groups * 16; /* of a block and a row of the transform */
    const int first = BLOCK * block;
    const int end = first + BLOCK * some < op->out_channels ? first + BLOCK * some : op->out_channels;
    const int plain = outs[0] != NULL && outs[1] != NULL && op->least == INT8_MIN && op->most == INT8_MAX;
    for (int step = 0; step < 4; ++step) {
        transform_strip(op, rows, step, 4 * pair - op->pad_left, count, inputs);
        multiply_strip(inputs, op->weights + (step * op->blocks + block) * weights, step == 3 ? sums + SUMS / 2 : sums,
                       some, op->groups, step < 2 ? step : 2, count);
    }
    for (int i = 0; i < count; ++i) {
        const int x = 4 * (pair + i);
        if (plain && x + 4 <= op->out_width) {
            finish_tiles(op, sums + i * some * SUMS, first, end, outs[0] + x * op->out_channels,
                         outs[1] + x * op->out_channels);
        } else {
            finish_carefully(op, sums + i * some * SUMS, first, end, outs, x);
        }
    }
}

/* Two output rows, either of which may be null: nobody wants it. rows: [parts][4]. */
SEPARATE void conv_2d_winograd_rows(const struct conv_2d_winograd *op, const int8_t *const *rows, int y,
                                    int8_t *const *outs, void *scratch)
{
    const int pairs = (op->out_width + 3) / 4;
    (void)y;
    for (int pair = 0; pair < pairs; pair += op->strip) {
        const int count = pairs - pair < op->strip ? pairs - pair : op->strip;
        for (int block = 0; block < op->blocks; block += op->chunk) {
            const int some = op->blocks - block < op->chunk ? op->blocks - block : op->chunk;
            make_strip(op, rows, pair, count, block, some, outs, scratch);
        }
    }
}
