/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd's F(2x2, 3x3) for any processor: what conv_2d_winograd_dsp.h does with instructions of its own. */

SHARED uint32_t load_word(const int8_t *from)
{
    return (uint32_t)(uint8_t)from[0] | (uint32_t)(uint8_t)from[1] << 8 | (uint32_t)(uint8_t)from[2] << 16
           | (uint32_t)(uint8_t)from[3] << 24;
}

SHARED uint32_t add_pairs(uint32_t a, uint32_t b)
{
    return ((a + b) & 0xffffu) | ((a & 0xffff0000u) + (b & 0xffff0000u));
}

SHARED uint32_t subtract_pairs(uint32_t a, uint32_t b)
{
    return ((a - b) & 0xffffu) | ((a & 0xffff0000u) - (b & 0xffff0000u));
}

/* Bytes 0 and 2 as two numbers of 16 bits. */
SHARED uint32_t widened(uint32_t word)
{
    const uint32_t bytes = word & 0x00ff00ffu;
    return bytes | (bytes & 0x00800080u) * 0x1feu;
}

/* Four channels of a pixel: 0 and 2, 1 and 3, as two numbers of 16 bits each. */
struct four {
    uint32_t even, odd;
};

/* The sum of two rows' bytes, or their difference. */
HELPER struct four column_of(const int8_t *a, const int8_t *b, int sum)
{
    const uint32_t first = load_word(a), second = load_word(b);
    struct four result;
    if (sum) {
        result.even = add_pairs(widened(first), widened(second));
        result.odd = add_pairs(widened(first >> 8), widened(second >> 8));
    } else {
        result.even = subtract_pairs(widened(first), widened(second));
        result.odd = subtract_pairs(widened(first >> 8), widened(second >> 8));
    }
    return result;
}

/* A tile's columns in the order 1, 2, 0, 3. */
HELPER void store_tile(struct four c0, struct four c1, struct four c2, struct four c3, uint32_t *to, int next)
{
    to[0] = add_pairs(c1.even, c2.even);
    to[TILES] = add_pairs(c1.odd, c2.odd);
    to[next] = subtract_pairs(c2.even, c1.even);
    to[next + TILES] = subtract_pairs(c2.odd, c1.odd);
    to[2 * next] = subtract_pairs(c0.even, c2.even);
    to[2 * next + TILES] = subtract_pairs(c0.odd, c2.odd);
    to[3 * next] = subtract_pairs(c1.even, c3.even);
    to[3 * next + TILES] = subtract_pairs(c1.odd, c3.odd);
}

/* Four channels of pairs of tiles. */
HELPER void transform_pairs(const int8_t *a, const int8_t *b, int apart, int pairs, uint32_t *to, int next, int sum)
{
    struct four c0 = column_of(a, b, sum), c1 = column_of(a + apart, b + apart, sum);
    for (int tile = 0; tile < TILES * pairs; ++tile) {
        a += 2 * apart;
        b += 2 * apart;
        const struct four c2 = column_of(a, b, sum), c3 = column_of(a + apart, b + apart, sum);
        store_tile(c0, c1, c2, c3, to, next);
        c0 = c2;
        c1 = c3;
        to += tile % TILES == 0 ? 1 : 4 * next - 1;
    }
}

/* As conv_2d_winograd_dsp.h's. */
SEPARATE void transform_groups(const int8_t *a, const int8_t *b, int apart, int pairs, uint32_t *to, int next, int sum,
                               int groups)
{
    for (int group = 0; group < groups; ++group) {
        transform_pairs(a + 4 * group, b + 4 * group, apart, pairs, to + 2 * TILES * group, next, sum);
    }
}

/* Sums of the products of a pair of tiles and a block's weights, of one column of the transform: added to sums. */
HELPER void multiply_column(const uint32_t *inputs, const int16_t *weights, int groups, uint32_t *sums)
{
    for (int i = 0; i < 2 * groups; ++i) {
        for (int tile = 0; tile < TILES; ++tile) {
            const int32_t low = (int16_t)(uint16_t)inputs[tile], high = (int16_t)(uint16_t)(inputs[tile] >> 16);
            UNROLL_4
            for (int channel = 0; channel < BLOCK; ++channel) {
                const int32_t product = low * weights[2 * channel] + high * weights[2 * channel + 1];
                sums[tile * BLOCK + channel] += (uint32_t)product;
            }
        }
        inputs += TILES;
        weights += 2 * BLOCK;
    }
}

/* A pair of tiles through all blocks. */
HELPER void multiply_pair(const uint32_t *inputs, const int16_t *weights, int32_t *sums, int blocks, int groups, int step)
{
    enum { EACH = TILES * BLOCK };
    for (int block = 0; block < blocks; ++block) {
        uint32_t columns[4][EACH];
        memset(columns, 0, sizeof columns);
        for (int column = 0; column < 4; ++column) {
            multiply_column(inputs + column * 2 * TILES * groups, weights, groups, columns[column]);
            weights += groups * 4 * BLOCK;
        }
        for (int i = 0; i < EACH; ++i) {
            const uint32_t made[COLUMNS] = {columns[0][i] + columns[1][i] + columns[2][i],
                                            columns[0][i] - columns[1][i] + columns[3][i]};
            for (int column = 0; column < COLUMNS; ++column) {
                int32_t *const above = sums + column * EACH + i, *const below = above + SUMS / 2;
                const uint32_t before = step == 0 ? 0 : (uint32_t)*above;
                *above = (int32_t)(before + made[column]);
                if (step == 1) {
                    *below = (int32_t)(before - made[column]);
                }
            }
        }
        sums += SUMS;
    }
}

/* As conv_2d_winograd_dsp.h's. */
SEPARATE void multiply_strip(const uint32_t *inputs, const int16_t *weights, int32_t *sums, int blocks, int groups,
                             int step, int pairs)
{
    for (int pair = 0; pair < pairs; ++pair) {
        multiply_pair(inputs, weights, sums, blocks, groups, step);
        inputs += 4 * 2 * TILES * groups;
        sums += blocks * SUMS;
    }
}

/* The sums of a pair become bytes of four pixels in two rows: channels from `first` to `end`. */
HELPER void finish_tiles(const struct conv_2d_winograd *op, const int32_t *sums, int first, int end, int8_t *top,
                         int8_t *bottom)
{
    static const int8_t order[4] = {0, TILES * BLOCK, BLOCK, TILES * BLOCK + BLOCK};
    const int apart = op->out_channels;
    for (int channel = first; channel < end; ++channel) {
        const int32_t twice_bias = op->scaling[2 * channel], multiplier = op->scaling[2 * channel + 1];
        const int right = op->right[channel];
        for (int i = 0; i < 4; ++i) {
            const int32_t *const at = sums + order[i];
            top[i * apart + channel] = clamped(
                requantize_twice((at[0] >> 1) + twice_bias, multiplier, right, op->out_zero_point), INT8_MIN, INT8_MAX);
            bottom[i * apart + channel] = clamped(
                requantize_twice((at[SUMS / 2] >> 1) + twice_bias, multiplier, right, op->out_zero_point), INT8_MIN,
                INT8_MAX);
        }
        sums += channel % BLOCK == BLOCK - 1 ? SUMS - (BLOCK - 1) : 1;
    }
}
