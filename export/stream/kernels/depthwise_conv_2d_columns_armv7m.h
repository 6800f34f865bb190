/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of depthwise_conv_2d_columns.h for Armv7-M (Cortex-M3): two at once share the weights that are loaded. */

/* Assembly below knows the layout. */
struct nine {
    struct {
        int32_t offset; /* of the row's number from the first row's */
        int32_t weights[3];
    } rows[3];
    int32_t start;
};

HELPER void arrange_taps(const int32_t *weights, int32_t start, const int8_t *const *lines, struct nine *taps)
{
    UNROLL
    for (int ky = 0; ky < 3; ++ky) {
        taps->rows[ky].offset = lines[ky] - lines[0];
        memcpy(taps->rows[ky].weights, weights + 3 * ky, sizeof taps->rows[ky].weights);
    }
    taps->start = start;
}

#define ROW_OF_ONE \
    "ldmia %[of]!, {r3-r6}\n" \
    "ldrsb r3, [%[top], r3]\n" \
    "mla %[ended], r3, r6, %[ended]\n" \
    "mla %[next], r3, r5, %[next]\n" \
    "mla %[begins], r3, r4, %[begins]\n"

/* Returns the sum that the column ends. */
HELPER int32_t add_column(const struct nine *taps, struct trio pixel, struct begun *begun)
{
    int32_t ended = begun->first, next = begun->second, begins = taps->start;
    const struct nine *of = taps;
    __asm__(ROW_OF_ONE ROW_OF_ONE ROW_OF_ONE
            : [ended] "+r"(ended), [next] "+r"(next), [begins] "+r"(begins), [of] "+r"(of)
            : [top] "r"(pixel.top)
            : "r3", "r4", "r5", "r6", "memory");
    begun->first = next;
    begun->second = begins;
    return ended;
}

#define ROW_OF_TWO \
    "ldmia %[of]!, {r3-r6}\n" \
    "ldrsb %[number], [%[top], r3]\n" \
    "ldrsb r3, [%[beside], r3]\n" \
    "mla %[first], %[number], r6, %[first]\n" \
    "mla %[second], %[number], r5, %[second]\n" \
    "mla %[third], %[number], r4, %[third]\n" \
    "mla %[second], r3, r6, %[second]\n" \
    "mla %[third], r3, r5, %[third]\n" \
    "mla %[fourth], r3, r4, %[fourth]\n"

/* Returns the sums that two columns end, `step` bytes from each other. */
HELPER struct begun add_two_columns(const struct nine *taps, struct trio pixel, int32_t step, struct begun *begun)
{
    struct begun ended = *begun;
    int32_t third = taps->start, fourth = third, number;
    const struct nine *of = taps;
    __asm__(ROW_OF_TWO ROW_OF_TWO ROW_OF_TWO
            : [first] "+r"(ended.first), [second] "+r"(ended.second), [third] "+r"(third), [fourth] "+r"(fourth),
              [number] "=&r"(number), [of] "+r"(of)
            : [top] "r"(pixel.top), [beside] "r"(pixel.top + step)
            : "r3", "r4", "r5", "r6", "memory");
    begun->first = third;
    begun->second = fourth;
    return ended;
}

/* (twice * multiplier + 2^31) >> 32, then as `requantize_tame`. */
HELPER int8_t as_byte(const struct depthwise_conv_2d *op, const struct scale *by, int32_t twice)
{
    const int64_t product = (int64_t)twice * by->multiplier;
    const int32_t high = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
    int32_t value = (high + by->rounding + sign_of(op, twice)) >> by->right;
    if (op->least == INT8_MIN && op->most == INT8_MAX) {
        __asm__("ssat %0, #8, %0" : "+r"(value));
        return (int8_t)value;
    }
    return clamped(value, op->least, op->most);
}
