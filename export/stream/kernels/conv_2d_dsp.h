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

/* Two pixels whose windows begin at `left` and `right`, through two channels whose weights lie from `weights` to `end`,
 * in turn 4 bytes of each. sums: of channel 0 at both pixels, of channel 1 at both pixels; begins with the biases.
 *
 * 17 instructions for 16 products. In C, compilers keep words that both windows share in registers, run out of them and
 * take 30; here all 14 are spoken for. Naked, so that it also compiles without optimization. */
__attribute__((naked, noinline)) static void multiply_2x2(const uint32_t *left UNUSED, const uint32_t *right UNUSED,
                                                          const int8_t *weights UNUSED, const int8_t *end UNUSED,
                                                          int32_t *sums UNUSED)
{
    __asm__(
        "push {r4-r11, lr}\n"
        "ldr ip, [sp, #36]\n"
        "ldm ip, {r4-r7}\n"
        "1:\n"
        "ldrd r8, r9, [r2], #8\n" /* weights of both channels */
        "ldrd ip, lr, [r0], #8\n" /* left pixel */
        "sxtb16 r10, r8\n"
        "sxtb16 r11, r9\n"
        "sxtb16 r8, r8, ror #8\n"
        "sxtb16 r9, r9, ror #8\n"
        "smlad r4, r10, ip, r4\n"
        "smlad r6, r11, ip, r6\n"
        "smlad r4, r8, lr, r4\n"
        "smlad r6, r9, lr, r6\n"
        "ldrd ip, lr, [r1], #8\n" /* right pixel */
        "smlad r5, r10, ip, r5\n"
        "smlad r7, r11, ip, r7\n"
        "smlad r5, r8, lr, r5\n"
        "smlad r7, r9, lr, r7\n"
        "cmp r2, r3\n"
        "bne 1b\n"
        "ldr ip, [sp, #36]\n"
        "stm ip, {r4-r7}\n"
        "pop {r4-r11, pc}\n");
}

HELPER void gather_column(const struct conv_2d *op, const int8_t *const *rows, int x, column_word *column, int8_t *bytes)
{
    if (op->whole_words) {
        gather_words(op, rows, x, column);
    } else {
        gather_bytes(op, rows, x, bytes);
        widen(bytes, op->column_bytes, column);
    }
}
