/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D for Armv7E-M and Armv8-M with DSP: two products an instruction.
 *
 * The columns under a strip of pixels are widened to 16 bits once; a word of weights is widened in the loop. Both come
 * as bytes 0, 2 and 1, 3 of a word, so that the order agrees. */

typedef uint32_t column_word; /* two numbers of 16 bits: two of them for 4 bytes of a column */
enum { COLUMN_WORDS = 2 };

HELPER void widen(const int8_t *bytes, int size, uint32_t *pairs)
{
    UNROLL
    for (int i = 0; i < size; i += 4) {
        const uint32_t word = load_word(bytes + i);
        *pairs++ = even_bytes(word);
        *pairs++ = odd_bytes(word);
    }
}

/* Rows whose pixels are whole words. rows: [parts][kernel_h], null where a row is padding. */
HELPER void gather_words(const struct conv_2d *op, const int8_t *const *rows, int x, uint32_t *column)
{
    const int inside = x >= 0 && x < op->in_width;
    const uint32_t zero = (uint16_t)op->in_zero_point * 0x10001u;
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        UNROLL
        for (int part = 0; part < op->parts; ++part) {
            const int8_t *row = rows[part * op->kernel_h + ky];
            const int channels = op->part_channels[part];
            if (inside && row != NULL) {
                widen(row + x * channels, channels, column);
            } else {
                for (int i = 0; i < channels / 2; ++i) {
                    column[i] = zero;
                }
            }
            column += channels / 2;
        }
    }
}

#include "multiply_2x2_dsp.h"

HELPER void gather_column(const struct conv_2d *op, const int8_t *const *rows, int x, column_word *column, int8_t *bytes)
{
    if (op->whole_words) {
        gather_words(op, rows, x, column);
    } else {
        gather_bytes(op, rows, x, bytes);
        widen(bytes, op->column_bytes, column);
    }
}
