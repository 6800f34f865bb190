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

/* The sum of two rows' bytes, or their difference. */
SHARED struct four joined(uint32_t a, uint32_t b, int sum)
{
    struct four result;
    if (sum) {
        result.even = add_pairs(widened(a), widened(b));
        result.odd = add_pairs(widened(a >> 8), widened(b >> 8));
    } else {
        result.even = subtract_pairs(widened(a), widened(b));
        result.odd = subtract_pairs(widened(a >> 8), widened(b >> 8));
    }
    return result;
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

/* As conv_2d_winograd_dsp.h's. */
SEPARATE void multiply_pair(const uint32_t *inputs, const int16_t *weights, int32_t *sums, int blocks, int groups,
                            int step)
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
