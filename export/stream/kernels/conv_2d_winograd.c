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
    const int32_t *bias;    /* [out_channels], less in_zero_point times the channel's weights */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t parts;
    int16_t in_width, in_zero_point;
    int16_t out_width, out_channels;
    int16_t pad_left;
    int16_t groups; /* of input channels, in all parts */
    int16_t blocks; /* of four output channels */
    int16_t strip;  /* pairs of tiles that are transformed together */
};

/* What the sums of a pair and a block are. */
enum { ROWS = 2, COLUMNS = 2, TILES = 2, BLOCK = 4, SUMS = ROWS * COLUMNS * TILES * BLOCK };

/* Four channels of a pixel: 0 and 2, 1 and 3, as two numbers of 16 bits each. */
struct four {
    uint32_t even, odd;
};

#if defined(__ARM_FEATURE_DSP) && !defined(EDGEBLUR_PORTABLE)
#include "conv_2d_winograd_dsp.h"
#else
#include "conv_2d_winograd_portable.h"
#endif

/* Four channels of the pixels of a row. */
struct source {
    const int8_t *row; /* null if it is padding */
    int apart;         /* bytes from a pixel to the next */
};

/* At most four channels of a pixel that may be padding. */
HELPER uint32_t careful_word(struct source from, int x, int width, int size, int zero_point)
{
    int8_t bytes[4] = {0, 0, 0, 0};
    if (from.row == NULL || x < 0 || x >= width) {
        return (uint8_t)zero_point * 0x1010101u;
    }
    memcpy(bytes, from.row + x * from.apart, (size_t)size);
    return load_word(bytes);
}

/* What a tile's columns 0 to 3 become, in the order 1, 2, 0, 3. */
HELPER void store_tile(struct four c0, struct four c1, struct four c2, struct four c3, uint32_t *to, int next)
{
    to[0] = add_pairs(c1.even, c2.even);
    to[TILES] = add_pairs(c1.odd, c2.odd);
    to += next;
    to[0] = subtract_pairs(c2.even, c1.even);
    to[TILES] = subtract_pairs(c2.odd, c1.odd);
    to += next;
    to[0] = subtract_pairs(c0.even, c2.even);
    to[TILES] = subtract_pairs(c0.odd, c2.odd);
    to += next;
    to[0] = subtract_pairs(c1.even, c3.even);
    to[TILES] = subtract_pairs(c1.odd, c3.odd);
}

/* Transforms four channels of a strip from column x on, of one row of the transform: the sum of two rows, or their
 * difference. to: [pairs][4 columns][groups][2][2 tiles], this group's. */
HELPER void transform(const struct conv_2d_winograd *op, struct source a, struct source b, int size, int sum, int x,
                      int tiles, uint32_t *to)
{
    const int next = 2 * TILES * op->groups, width = op->in_width, zero_point = op->in_zero_point;
    const int rows = size == 4 && a.row != NULL && b.row != NULL;
    struct four columns[4];
    for (int i = 0; i < 2; ++i) {
        columns[i] = joined(careful_word(a, x + i, width, size, zero_point),
                            careful_word(b, x + i, width, size, zero_point), sum);
    }
    x += 2;
    for (int tile = 0; tile < tiles; ++tile) {
        if (rows && x + 1 < width) {
            const int8_t *const from_a = a.row + x * a.apart, *const from_b = b.row + x * b.apart;
            columns[2] = joined(load_word(from_a), load_word(from_b), sum);
            columns[3] = joined(load_word(from_a + a.apart), load_word(from_b + b.apart), sum);
        } else {
            for (int i = 0; i < 2; ++i) {
                columns[2 + i] = joined(careful_word(a, x + i, width, size, zero_point),
                                        careful_word(b, x + i, width, size, zero_point), sum);
            }
        }
        store_tile(columns[0], columns[1], columns[2], columns[3], to, next);
        columns[0] = columns[2];
        columns[1] = columns[3];
        x += 2;
        to += tile % 2 == 0 ? 1 : 4 * next - 1;
    }
}

SEPARATE void transform_sums(const struct conv_2d_winograd *op, struct source a, struct source b, int size, int x,
                             int tiles, uint32_t *to)
{
    transform(op, a, b, size, 1, x, tiles, to);
}

SEPARATE void transform_differences(const struct conv_2d_winograd *op, struct source a, struct source b, int size, int x,
                                    int tiles, uint32_t *to)
{
    transform(op, a, b, size, 0, x, tiles, to);
}

/* A row of the transform, all channels. rows: [parts][4]. */
SEPARATE void transform_strip(const struct conv_2d_winograd *op, const int8_t *const *rows, int step, int x, int tiles,
                              uint32_t *to)
{
    static const int8_t first[4] = {1, 2, 0, 1}, second[4] = {2, 1, 2, 3};
    for (int part = 0; part < op->parts; ++part) {
        const int channels = op->part_channels[part];
        struct source a = {rows[first[step]], channels}, b = {rows[second[step]], channels};
        for (int channel = 0; channel < channels; channel += 4) {
            const int size = channels - channel < 4 ? channels - channel : 4;
            if (step == 0) {
                transform_sums(op, a, b, size, x, tiles, to);
            } else {
                transform_differences(op, a, b, size, x, tiles, to);
            }
            a.row = a.row == NULL ? NULL : a.row + size;
            b.row = b.row == NULL ? NULL : b.row + size;
            to += 2 * TILES;
        }
        rows += 4;
    }
}

/* One channel's sums at a pair become bytes. sums: [ROWS][COLUMNS][TILES][BLOCK], this channel's. */
HELPER void finish_channel(const struct conv_2d_winograd *op, int channel, const int32_t *sums, int8_t *const *outs, int x)
{
    const int32_t multiplier = op->multiplier[channel], least = op->least, most = op->most;
    const int32_t zero_point = op->out_zero_point, twice_bias = 2 * op->bias[channel];
    const int shift = op->shift[channel], apart = op->out_channels;
    const int pixels = op->out_width - x < 4 ? op->out_width - x : 4;
    for (int row = 0; row < ROWS; ++row) {
        if (outs[row] != NULL) {
            int8_t *out = outs[row] + x * apart + channel;
            for (int i = 0; i < pixels; ++i) {
                const int32_t sum = sums[((row * COLUMNS + i % 2) * TILES + i / 2) * BLOCK];
                *out = clamped(requantize_twice((sum >> 1) + twice_bias, multiplier, -shift, zero_point), least, most);
                out += apart;
            }
        }
    }
}

/* Two output rows, either of which may be null: nobody wants it. rows: [parts][4]. */
SEPARATE void conv_2d_winograd_rows(const struct conv_2d_winograd *op, const int8_t *const *rows, int y,
                                    int8_t *const *outs, void *scratch)
{
    const int tiles = (op->out_width + 1) / 2;
    uint32_t *const inputs = scratch;
    const int input_words = 4 * 2 * TILES * op->groups; /* of a pair */
    int32_t *const sums = (int32_t *)(inputs + op->strip * input_words);
    const int weights = op->blocks * 4 * op->groups * 16; /* of a row of the transform */
    (void)y;
    for (int tile = 0; tile < tiles; tile += TILES * op->strip) {
        const int count = tiles - tile < TILES * op->strip ? tiles - tile : TILES * op->strip;
        for (int step = 0; step < 4; ++step) {
            transform_strip(op, rows, step, 2 * tile - op->pad_left, (count + 1) / 2 * 2, inputs);
            for (int pair = 0; pair < (count + 1) / 2; ++pair) {
                multiply_pair(inputs + pair * input_words, op->weights + step * weights,
                              sums + pair * op->blocks * SUMS + (step == 3 ? SUMS / 2 : 0), op->blocks, op->groups,
                              step < 2 ? step : 2);
            }
        }
        for (int pair = 0; pair < (count + 1) / 2; ++pair) {
            for (int channel = 0; channel < op->out_channels; ++channel) {
                finish_channel(op, channel, sums + (pair * op->blocks + channel / 4) * SUMS + channel % 4, outs,
                               2 * tile + 4 * pair);
            }
        }
    }
}
