/* CONV_2D for Armv7E-M and Armv8-M with DSP: two pixels by two channels at a time, two products an instruction.
 *
 * The columns under a strip of pixels are widened to 16 bits once, and those that the next strip shares are kept. A word
 * of weights is widened in the loop. Both come as bytes 0, 2 and 1, 3 of a word, so that the order agrees. */

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

/* The same for pixels of any size, by way of `bytes`, which has room for a column as it lies in the rows. */
HELPER void gather_bytes(const struct conv_2d *op, const int8_t *const *rows, int x, uint32_t *column,
                                int8_t *bytes)
{
    const int inside = x >= 0 && x < op->in_width;
    int8_t *next = bytes;
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        UNROLL
        for (int part = 0; part < op->parts; ++part) {
            const int8_t *row = rows[part * op->kernel_h + ky];
            const size_t channels = (size_t)op->part_channels[part];
            if (inside && row != NULL) {
                memcpy(next, row + (size_t)x * channels, channels);
            } else {
                memset(next, op->in_zero_point, channels);
            }
            next += channels;
        }
    }
    while (next < bytes + op->column_bytes) {
        *next++ = 0;
    }
    widen(bytes, op->column_bytes, column);
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

/* One channel's sums at two pixels become bytes. */
HELPER void finish_pair(const struct conv_2d *op, int channel, const int32_t *sums, int8_t *out, int second)
{
    const int32_t multiplier = op->multiplier[channel];
    const int shift = op->shift[channel];
    UNROLL
    for (int i = 0; i < 1 + second; ++i) {
        const int32_t value = op->tame ? requantize_tame(sums[i], multiplier, -shift, op->out_zero_point)
                                       : requantize(sums[i], multiplier, shift) + op->out_zero_point;
        out[i * op->out_channels + channel] = clamped(value, op->least, op->most);
    }
}

KERNEL void conv_2d_row(const struct conv_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int column = op->column_bytes / 2; /* words of a widened one */
    const int size = 2 * op->kernel_w * op->column_bytes; /* weights of two channels */
    const int phase = y % op->phases;
    const int32_t *const bias = op->bias + phase * op->out_channels;
    const int8_t *const phase_weights = op->weights + phase * ((op->out_channels + 1) / 2) * size;
    /* Neighbouring windows share columns, unless they are spread. */
    const int shared = op->dilation == 1 && op->stride <= op->kernel_w;
    const int apart = shared ? op->stride : op->kernel_w;
    const int kept = shared ? op->kernel_w - op->stride : 0;
    uint32_t *const window = scratch;
    int8_t *const bytes = (int8_t *)(window + ((op->strip - 1) * apart + op->kernel_w) * column);
    for (int x = 0; x < op->out_width; x += op->strip) {
        const int pixels = x + op->strip <= op->out_width ? op->strip : op->out_width - x;
        const int columns = ((pixels + 1) / 2 * 2 - 1) * apart + op->kernel_w;
        const int left = x * op->stride - op->pad_left;
        if (x > 0) {
            for (int i = 0; i < kept * column; ++i) {
                window[i] = window[op->strip * apart * column + i];
            }
        }
        for (int i = x > 0 ? kept : 0; i < columns; ++i) {
            const int at = left + (shared ? i : i / op->kernel_w * op->stride + i % op->kernel_w * op->dilation);
            if (op->whole_words) {
                gather_words(op, rows, at, window + i * column);
            } else {
                gather_bytes(op, rows, at, window + i * column, bytes);
            }
        }
        for (int pixel = 0; pixel < pixels; pixel += 2) {
            const int second = op->out_width % 2 == 0 || pixel + 1 < pixels;
            const uint32_t *const left_window = window + pixel * apart * column;
            const int8_t *weights = phase_weights;
            for (int channel = 0; channel < op->out_channels; channel += 2) {
                const int both = op->out_channels % 2 == 0 || channel + 1 < op->out_channels;
                int32_t sums[4] = {bias[channel], bias[channel], bias[channel + both], bias[channel + both]};
                multiply_2x2(left_window, left_window + apart * column, weights, weights + size, sums);
                weights += size;
                finish_pair(op, channel, sums, out, second);
                if (both) {
                    finish_pair(op, channel + 1, sums + 2, out, second);
                }
            }
            out += 2 * op->out_channels;
        }
    }
}
