/* What kernels share: TensorFlow Lite's requantization, and pairs of operands. */

/* Multiply by multiplier * 2^(shift - 31) as TensorFlow Lite does with double rounding: first to 32 bits, halves up,
 * then by a power of two, halves away from zero (tensorflow/lite/kernels/internal/common.h,
 * MultiplyByQuantizedMultiplier). Left shifts wrap, as they do there on every machine in use. */
SHARED int32_t requantize(int32_t sum, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    const int right = shift > 0 ? 0 : -shift;
    const int32_t wide = (int32_t)((uint32_t)sum << left);
    const int32_t high = (int32_t)(((int64_t)wide * multiplier + ((int64_t)1 << 30)) >> 31);
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    const int32_t rest = high & mask;
    const int32_t half = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + (rest > half ? 1 : 0);
}

/* Two operands of an op that works number by number. A stride of 0 repeats a row, a pixel or a channel. */
struct operands {
    const int8_t *constant; /* the second operand, [height or 1][width or 1][channels or 1]; null if it is a plane */
    int32_t constant_row;   /* stride of its rows */
    int16_t width, channels;
    int16_t first_pixel, first_channel, first_zero_point; /* strides; the step that means 0 */
    int16_t second_pixel, second_channel, second_zero_point;
};

/* Row y of the second operand. */
SHARED const int8_t *second_row(const struct operands *in, const int8_t *const *rows, int y)
{
    return in->constant != NULL ? in->constant + (size_t)y * (size_t)in->constant_row : rows[1];
}
