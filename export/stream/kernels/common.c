/* What all kernels share: TensorFlow Lite's requantization, and the way to a pixel of a row. */

/* Multiply by multiplier * 2^(shift - 31) as TensorFlow Lite does with double rounding: first to 32 bits, halves up,
 * then by a power of two, halves away from zero (tensorflow/lite/kernels/internal/common.h,
 * MultiplyByQuantizedMultiplier). Left shifts wrap, as they do there on every machine in use. */
static inline int32_t requantize(int32_t sum, int32_t multiplier, int shift)
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

static inline int8_t clamped(int32_t value, int32_t least, int32_t most)
{
    return (int8_t)(value < least ? least : value > most ? most : value);
}
