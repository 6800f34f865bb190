/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D for Armv7E-M and Armv8-M with DSP: four channels at once.
 *
 * Bytes 0, 2 and 1, 3 of a word are widened to pairs, those of weights once for a row; then each half of a pair is
 * multiplied by the same half of the weights'. Weights and biases are doubled, as requantization wants them. The input's
 * zero point is taken off beforehand, times all weights, with the bias; so a place of padding counts as one that holds the
 * zero point. */

/* Of channels 0 to 3. */
struct four_sums {
    int32_t of_0, of_1, of_2, of_3;
};

/* What all pixels of a row need for four channels. */
struct block {
    struct four_sums start; /* twice the bias less the zero point's share */
    struct scale of[4];
    const uint32_t *weights; /* [kernel_h * kernel_w][2], doubled: of channels 0, 2 and 1, 3 */
    int8_t padding[4];       /* of a pixel that holds the zero point */
};

/* A tap; weights goes on to the next one. In assembly, as GCC 12 would load all taps' numbers before it multiplies. */
HELPER void add_tap(struct four_sums *sums, const int8_t *pixel, const uint32_t **weights)
{
    uint32_t even, odd, even_weights, odd_weights;
    __asm__ volatile("ldr %[odd], %[pixel]\n"
                     "ldrd %[even_weights], %[odd_weights], [%[weights]], #8\n"
                     "sxtb16 %[even], %[odd]\n"
                     "sxtb16 %[odd], %[odd], ror #8\n"
                     "smlabb %[of_0], %[even], %[even_weights], %[of_0]\n"
                     "smlatt %[of_2], %[even], %[even_weights], %[of_2]\n"
                     "smlabb %[of_1], %[odd], %[odd_weights], %[of_1]\n"
                     "smlatt %[of_3], %[odd], %[odd_weights], %[of_3]"
                     : [of_0] "+r"(sums->of_0), [of_1] "+r"(sums->of_1), [of_2] "+r"(sums->of_2), [of_3] "+r"(sums->of_3),
                       [weights] "+r"(*weights), [even] "=&r"(even), [odd] "=&r"(odd), [even_weights] "=&r"(even_weights),
                       [odd_weights] "=&r"(odd_weights)
                     : [pixel] "m"(*pixel)
                     : "memory");
}

/* scratch: for the weights. */
HELPER void prepare_block(const struct depthwise_conv_2d *op, int channel, uint32_t *scratch, struct block *block)
{
    const int8_t *weights = op->weights + channel;
    const uint32_t *made = scratch;
    struct four_sums shares = {0, 0, 0, 0};
    block->weights = scratch;
    memset(block->padding, op->in_zero_point, sizeof block->padding);
    for (int tap = 0; tap < op->kernel_h * op->kernel_w; ++tap) {
        const uint32_t word = load_word(weights);
        uint32_t even = even_bytes(word), odd = odd_bytes(word);
        __asm__("sadd16 %0, %0, %0\n"
                "sadd16 %1, %1, %1"
                : "+r"(even), "+r"(odd));
        *scratch++ = even;
        *scratch++ = odd;
        add_tap(&shares, block->padding, &made);
        weights += op->in_channels;
    }
    block->start.of_0 = 2 * op->bias[channel] - shares.of_0;
    block->start.of_1 = 2 * op->bias[channel + 1] - shares.of_1;
    block->start.of_2 = 2 * op->bias[channel + 2] - shares.of_2;
    block->start.of_3 = 2 * op->bias[channel + 3] - shares.of_3;
    for (int i = 0; i < 4; ++i) {
        const int right = -op->shift[channel + i];
        block->of[i].multiplier = op->multiplier[channel + i];
        block->of[i].rounding = (2 * op->out_zero_point + 1) * (1 << (right - 1));
        block->of[i].right = right;
    }
}

/* As `requantize_twice`, with the rounding that `prepare_block` made. */
HELPER int8_t finish_step(const struct depthwise_conv_2d *op, const struct scale *by, int32_t twice)
{
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(twice), "r"(by->multiplier));
    return clamped((high + (high >> 31) + by->rounding) >> by->right, op->least, op->most);
}

HELPER void store_four(const struct depthwise_conv_2d *op, const struct block *block, struct four_sums sums,
                       int8_t *restrict out)
{
    out[0] = finish_step(op, &block->of[0], sums.of_0);
    out[1] = finish_step(op, &block->of[1], sums.of_1);
    out[2] = finish_step(op, &block->of[2], sums.of_2);
    out[3] = finish_step(op, &block->of[3], sums.of_3);
}

/* The pixels from `first` to end - 1; of their windows, none, some or all may be padding. */
HELPER void make_anywhere(const struct depthwise_conv_2d *op, const int8_t *const *rows, int first, int end, int channel,
                     const struct block *block, int8_t *restrict out)
{
    for (int x = first; x < end; ++x) {
        const uint32_t *weights = block->weights;
        struct four_sums sums = block->start;
        for (int ky = 0; ky < op->kernel_h; ++ky) {
            const uint32_t width = rows[ky] != NULL ? (uint32_t)op->in_width : 0; /* of a null row, no column is inside */
            int column = x * op->stride - op->pad_left;
            UNROLL
            for (int kx = 0; kx < op->kernel_w; ++kx) {
                const int8_t *pixel = block->padding;
                if ((uint32_t)column < width) {
                    pixel = rows[ky] + (column * op->in_channels + channel);
                }
                add_tap(&sums, pixel, &weights);
                column += op->dilation;
            }
        }
        store_four(op, block, sums, out + x * op->in_channels);
    }
}

/* The same where no tap is padding. */
HELPER void make_inside(const struct depthwise_conv_2d *op, const int8_t *const *rows, int first, int end, int channel,
                   const struct block *block, int8_t *restrict out)
{
    int32_t offset = (first * op->stride - op->pad_left) * op->in_channels + channel;
    out += first * op->in_channels;
    for (int x = first; x < end; ++x) {
        const uint32_t *weights = block->weights;
        struct four_sums sums = block->start;
        UNROLL
        for (int ky = 0; ky < op->kernel_h; ++ky) {
            const int8_t *const pixel = rows[ky] + offset;
            UNROLL
            for (int kx = 0; kx < op->kernel_w; ++kx) {
                add_tap(&sums, pixel + kx * op->dilation * op->in_channels, &weights);
            }
        }
        store_four(op, block, sums, out);
        out += op->in_channels;
        offset += op->stride * op->in_channels;
    }
}

/* Make the channels that are whole words of a pixel, if requantization is tame; returns how many. scratch: of a word's
 * weights. */
HELPER int make_depthwise(const struct depthwise_conv_2d *op, const int8_t *const *rows, int8_t *restrict out, void *scratch)
{
    const int channels = op->tame ? op->in_channels / 4 * 4 : 0;
    const int last = op->in_width - 1 - (op->kernel_w - 1) * op->dilation; /* where a window without padding begins */
    int first = (op->pad_left + op->stride - 1) / op->stride;
    int end = last < 0 ? 0 : (last + op->pad_left) / op->stride + 1;
    end = end < op->out_width ? end : op->out_width;
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        end = rows[ky] != NULL ? end : 0;
    }
    first = first < end ? first : 0;
    end = first < end ? end : 0;
    for (int channel = 0; channel < channels; channel += 4) {
        struct block block;
        prepare_block(op, channel, scratch, &block);
        make_anywhere(op, rows, 0, first, channel, &block, out + channel);
        make_inside(op, rows, first, end, channel, &block, out + channel);
        make_anywhere(op, rows, end, op->out_width, channel, &block, out + channel);
    }
    return channels;
}
