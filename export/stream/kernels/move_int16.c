/* SPDX-License-Identifier: Apache-2.0 */
/* MOVE of 16-bit planes: a row whose numbers lie elsewhere, piece by piece, as move.c. */
struct move_int16 {
    const int32_t *pieces;    /* [pieces, 3]: row pointer, first number there, length */
    const int32_t *patterns;  /* [patterns, 4]: first piece, pieces, how often they repeat, numbers from one to the next */
    const int32_t *steps;     /* [height, 3]: pattern, row pointer and number to be added */
};

KERNEL void move_int16_row(const struct move_int16 *op, const int16_t *const *rows, int y, int16_t *out, void *scratch)
{
    const int32_t *step = op->steps + 3 * y;
    const int32_t *pattern = op->patterns + 4 * step[0];
    int32_t at = step[2];
    (void)scratch;
    for (int32_t n = 0; n < pattern[2]; ++n) {
        const int32_t *piece = op->pieces + 3 * pattern[0];
        for (int32_t i = 0; i < pattern[1]; ++i) {
            memcpy(out, rows[piece[0] + step[1]] + piece[1] + at, (size_t)piece[2] * sizeof *out);
            out += piece[2];
            piece += 3;
        }
        at += pattern[3];
    }
}
