/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D for Armv7E-M and Armv8-M with DSP: words of four channels.
 *
 * Bytes 0, 2 and 1, 3 of a word are widened to pairs, those of weights once for a row, those of the input with the zero
 * point taken off in the same instruction; then each half of a pair is multiplied by the same half of the weights'. */

/* Sums of channels 0, 2 and 1, 3. */
struct four_sums {
    int32_t of_0, of_1, of_2, of_3;
};

/* Bytes 0 and 2, or 1 and 3, as two 16-bit numbers, more by those of `more`. */
SHARED uint32_t add_even_bytes(uint32_t more, uint32_t word)
{
    uint32_t pair;
    __asm__("sxtab16 %0, %1, %2" : "=r"(pair) : "r"(more), "r"(word));
    return pair;
}

SHARED uint32_t add_odd_bytes(uint32_t more, uint32_t word)
{
    uint32_t pair;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(more), "r"(word));
    return pair;
}

/* sum + a.low * b.low, and sum + a.high * b.high */
SHARED int32_t multiply_low(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

SHARED int32_t multiply_top(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* The weights of four channels. pairs: [kernel_h * kernel_w][2] */
HELPER void widen_weights(const struct depthwise_conv_2d *op, int channel, uint32_t *pairs)
{
    const int8_t *weights = op->weights + channel;
    for (int tap = 0; tap < op->kernel_h * op->kernel_w; ++tap) {
        const uint32_t word = load_word(weights);
        *pairs++ = even_bytes(word);
        *pairs++ = odd_bytes(word);
        weights += op->in_channels;
    }
}

/* A tap of four channels. */
HELPER void add_products(struct four_sums *sums, const int8_t *pixel, const uint32_t *pairs, uint32_t minus_zero)
{
    const uint32_t word = load_word(pixel);
    const uint32_t even = add_even_bytes(minus_zero, word), odd = add_odd_bytes(minus_zero, word);
    sums->of_0 = multiply_low(even, pairs[0], sums->of_0);
    sums->of_2 = multiply_top(even, pairs[0], sums->of_2);
    sums->of_1 = multiply_low(odd, pairs[1], sums->of_1);
    sums->of_3 = multiply_top(odd, pairs[1], sums->of_3);
}

HELPER void finish_four(const struct depthwise_conv_2d *op, int channel, struct four_sums sums, int8_t *restrict out)
{
    const int32_t each[4] = {sums.of_0, sums.of_1, sums.of_2, sums.of_3};
    UNROLL
    for (int i = 0; i < 4; ++i) {
        out[i] = finished_channel(op, channel + i, each[i]);
    }
}

/* Four channels of a pixel whose window begins at `left`, and of it the taps from `first` to last - 1. */
HELPER void four_deep(const struct depthwise_conv_2d *op, const int8_t *const *rows, const uint32_t *pairs, int left,
                          int first, int last, int channel, int8_t *restrict out)
{
    const uint32_t minus_zero = (uint16_t)-op->in_zero_point * 0x10001u;
    const int32_t *const bias = op->bias + channel;
    struct four_sums sums = {bias[0], bias[1], bias[2], bias[3]};
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        if (rows[ky] == NULL) {
            continue;
        }
        const int8_t *pixel = rows[ky] + (left + first * op->dilation) * op->in_channels + channel;
        const uint32_t *weights = pairs + 2 * (ky * op->kernel_w + first);
        for (int kx = first; kx < last; ++kx) {
            add_products(&sums, pixel, weights, minus_zero);
            pixel += op->dilation * op->in_channels;
            weights += 2;
        }
    }
    finish_four(op, channel, sums, out);
}

/* The same of all taps, spelled out where sizes are constants. */
HELPER void four_deep_whole(const struct depthwise_conv_2d *op, const int8_t *const *rows, const uint32_t *pairs, int left,
                       int channel, int8_t *restrict out)
{
    const uint32_t minus_zero = (uint16_t)-op->in_zero_point * 0x10001u;
    const int32_t *const bias = op->bias + channel;
    struct four_sums sums = {bias[0], bias[1], bias[2], bias[3]};
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        if (rows[ky] == NULL) {
            continue;
        }
        UNROLL
        for (int kx = 0; kx < op->kernel_w; ++kx) {
            const int8_t *pixel = rows[ky] + (left + kx * op->dilation) * op->in_channels + channel;
            add_products(&sums, pixel, pairs + 2 * (ky * op->kernel_w + kx), minus_zero);
        }
    }
    finish_four(op, channel, sums, out);
}

/* Make the channels that are whole words of a pixel; returns how many. scratch: of a word's weights. */
HELPER int make_depthwise(const struct depthwise_conv_2d *op, const int8_t *const *rows, int8_t *restrict out, void *scratch)
{
    const int channels = op->in_channels / 4 * 4;
    uint32_t *const pairs = scratch;
    for (int channel = 0; channel < channels; channel += 4) {
        int8_t *to = out + channel;
        widen_weights(op, channel, pairs);
        for (int x = 0; x < op->out_width; ++x) {
            const int left = x * op->stride - op->pad_left;
            const int first = first_tap(op, left), last = last_tap(op, left);
            if (SPELLED_OUT && first == 0 && last == op->kernel_w) {
                four_deep_whole(op, rows, pairs, left, channel, to);
            } else {
                four_deep(op, rows, pairs, left, first, last, channel, to);
            }
            to += op->in_channels;
        }
    }
    return channels;
}
