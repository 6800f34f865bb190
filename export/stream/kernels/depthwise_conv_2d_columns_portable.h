/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of depthwise_conv_2d_columns.h in plain C; RISC-V has the registers for a channel's weights. */

/* Three numbers above each other. */
struct trio {
    const int8_t *of[3];
};

HELPER struct trio from_lines(const int8_t *const *lines, int32_t offset)
{
    const struct trio pixel = {{lines[0] + offset, lines[1] + offset, lines[2] + offset}};
    return pixel;
}

HELPER struct trio moved_by(struct trio pixel, int32_t step)
{
    const struct trio next = {{pixel.of[0] + step, pixel.of[1] + step, pixel.of[2] + step}};
    return next;
}

struct nine {
    int32_t of[9]; /* [rows][columns] */
    int32_t start;
};

HELPER void arrange_taps(const int32_t *weights, int32_t start, const int8_t *const *lines, struct nine *taps)
{
    (void)lines;
    memcpy(taps->of, weights, sizeof taps->of);
    taps->start = start;
}

/* Returns the sum that the column ends. */
HELPER int32_t add_column(const struct nine *taps, struct trio pixel, struct begun *begun)
{
    const int32_t *of = taps->of, top = *pixel.of[0], middle = *pixel.of[1], bottom = *pixel.of[2];
    const int32_t ended = begun->first + top * of[2] + middle * of[5] + bottom * of[8];
    begun->first = begun->second + top * of[1] + middle * of[4] + bottom * of[7];
    begun->second = taps->start + top * of[0] + middle * of[3] + bottom * of[6];
    return ended;
}

/* (twice * multiplier + 2^31) >> 32, then as `requantize_tame`. A byte's own bounds are looked at together. */
HELPER int8_t as_byte(const struct depthwise_conv_2d *op, const struct scale *by, int32_t twice)
{
    const int64_t product = (int64_t)twice * by->multiplier;
    const int32_t high = (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
    const int32_t value = (high + by->rounding + sign_of(op, twice)) >> by->right;
    if (op->least == INT8_MIN && op->most == INT8_MAX) {
        return (int8_t)((int8_t)value == value ? value : (value >> 31) ^ INT8_MAX);
    }
    return clamped(value, op->least, op->most);
}
