/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of depthwise_conv_2d_columns.h for Armv7E-M and Armv8-M with DSP: the upper two numbers are a pair. */

/* Three numbers above each other: the first, and how far from it the others are. */
struct trio {
    const int8_t *top;
    int32_t middle, bottom;
};

HELPER struct trio from_lines(const int8_t *const *lines, int32_t offset)
{
    const struct trio pixel = {lines[0] + offset, lines[1] - lines[0], lines[2] - lines[0]};
    return pixel;
}

HELPER struct trio moved_by(struct trio pixel, int32_t step)
{
    pixel.top += step;
    return pixel;
}

/* Of 16 bits each: the pairs of the upper two rows, as the first, second and third of a window; those of the third row. */
struct nine {
    uint32_t pairs[3], ends, last;
    int32_t start;
};

HELPER uint32_t pair_of(int32_t low, int32_t high)
{
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(low), "r"(high));
    return pair;
}

HELPER void arrange_taps(const int32_t *weights, int32_t start, const int8_t *const *lines, struct nine *taps)
{
    (void)lines;
    taps->pairs[0] = pair_of(weights[0], weights[3]);
    taps->pairs[1] = pair_of(weights[1], weights[4]);
    taps->pairs[2] = pair_of(weights[2], weights[5]);
    taps->ends = pair_of(weights[6], weights[7]);
    taps->last = (uint32_t)weights[8];
    taps->start = start;
}

/* Returns the sum that the column ends. */
HELPER int32_t add_column(const struct nine *taps, struct trio pixel, struct begun *begun)
{
    const uint32_t upper = pair_of(pixel.top[0], pixel.top[pixel.middle]);
    const int32_t bottom = pixel.top[pixel.bottom];
    int32_t ended, next, begins;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(ended) : "r"(bottom), "r"(taps->last), "r"(begun->first));
    __asm__("smlabt %0, %1, %2, %3" : "=r"(next) : "r"(bottom), "r"(taps->ends), "r"(begun->second));
    __asm__("smlabb %0, %1, %2, %3" : "=r"(begins) : "r"(bottom), "r"(taps->ends), "r"(taps->start));
    begun->first = multiply_pairs(upper, taps->pairs[1], next);
    begun->second = multiply_pairs(upper, taps->pairs[0], begins);
    return multiply_pairs(upper, taps->pairs[2], ended);
}

/* As `requantize_twice`, with the rounding as it was prepared. */
HELPER int8_t as_byte(const struct depthwise_conv_2d *op, const struct scale *by, int32_t twice)
{
    const int32_t rounding = by->rounding + sign_of(op, twice);
    int32_t high;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(twice), "r"(by->multiplier), "r"(rounding));
    return clamped(high >> by->right, op->least, op->most);
}
