/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels of 16-bit planes share. Zero points are 0 there. */

#include "common.h"

/* To a number between bounds; one instruction where they are 16 bits' own. */
SHARED int16_t clamped_int16(int32_t value, int32_t least, int32_t most)
{
#if defined(DSP)
    if (least == INT16_MIN && most == INT16_MAX) {
        int32_t number;
        __asm__("ssat %0, #16, %1" : "=r"(number) : "r"(value));
        return (int16_t)number;
    }
#endif
    return (int16_t)(value < least ? least : value > most ? most : value);
}

/* Sums of 16-bit numbers become steps as in TensorFlow Lite's MultiplyByQuantizedMultiplier of 64 bits
 * (tensorflow/lite/kernels/internal/common.h): times 16 bits of a multiplier, shifted to the right, halves up.
 *
 * A sum that keeps to 32 bits: the multiplier has been shifted to the left as far as 32 bits of the product are dropped. */
SHARED int32_t requantize_narrow(int32_t sum, int32_t multiplier, int right)
{
    const int64_t half = (int64_t)1 << (31 + right);
    return (int32_t)(((int64_t)sum * multiplier + half) >> 32) >> right;
}

/* Any other, up to 47 bits, times 16. */
SHARED int32_t requantize_wide(int64_t sum, int32_t multiplier, int right)
{
    const int64_t half = (int64_t)1 << (right - 1);
    return (int32_t)((sum * multiplier + half) >> right);
}

/* Two operands of an op that works number by number, as in common.h. */
struct operands_int16 {
    const int16_t *constant; /* the second operand, [height or 1][width or 1][channels or 1]; null if it is a plane */
    int32_t constant_row;    /* stride of its rows */
    int16_t width, channels;
    int16_t first_pixel, first_channel; /* strides */
    int16_t second_pixel, second_channel;
};

/* Row y of the second operand. */
SHARED const int16_t *second_row_int16(const struct operands_int16 *in, const int16_t *const *rows, int y)
{
    return in->constant != NULL ? in->constant + (size_t)y * (size_t)in->constant_row : rows[1];
}
