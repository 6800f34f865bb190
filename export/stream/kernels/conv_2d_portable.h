/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D for processors without vectors: columns stay bytes. */

typedef uint32_t column_word; /* 4 bytes of a column */
enum { COLUMN_WORDS = 1 };

/* As conv_2d_dsp.h's. */
static void multiply_2x2(const column_word *left, const column_word *right, const int8_t *weights, const int8_t *end,
                         int32_t *sums)
{
    const int8_t *l = (const int8_t *)left, *r = (const int8_t *)right;
    int32_t s00 = sums[0], s01 = sums[1], s10 = sums[2], s11 = sums[3];
    do {
        UNROLL_4
        for (int i = 0; i < 4; ++i) {
            const int32_t a = weights[i], b = weights[4 + i];
            s00 += a * l[i];
            s01 += a * r[i];
            s10 += b * l[i];
            s11 += b * r[i];
        }
        l += 4;
        r += 4;
        weights += 8;
    } while (weights != end);
    sums[0] = s00;
    sums[1] = s01;
    sums[2] = s10;
    sums[3] = s11;
}

HELPER void gather_column(const struct conv_2d *op, const int8_t *const *rows, int x, column_word *column, int8_t *bytes)
{
    (void)bytes;
    gather_bytes(op, rows, x, (int8_t *)column);
}
