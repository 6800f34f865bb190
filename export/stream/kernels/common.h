/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels share: TensorFlow Lite's requantization, and pairs of operands. */

#if defined(__ARM_ARCH_6M__)
/* (a * b + 2^30) >> 31 for b >= 0, in halves: these cores multiply to 32 bits only. */
SHARED int32_t multiply_high(int32_t a, int32_t b)
{
    const int32_t a_high = a >> 16, b_high = b >> 16;
    const uint32_t a_low = (uint32_t)a & 0xffffu, b_low = (uint32_t)b & 0xffffu;
    const uint32_t low = a_low * b_low;
    const int32_t middle = a_high * (int32_t)b_low + (int32_t)(low >> 16); /* below 2^31: a_high is at most 2^15 */
    const uint32_t rest = (uint32_t)b_high * a_low;                        /* below 2^31: b_high is below 2^15 */
    const uint32_t bottom = ((uint32_t)middle & 0xffffu) + (rest & 0xffffu);
    const int32_t top = a_high * b_high + (middle >> 16) + (int32_t)(rest >> 16) + (int32_t)(bottom >> 16);
    const uint32_t words = (bottom << 16) | (low & 0xffffu); /* top and words are the product's two words */
    const uint32_t rounded = words + 0x40000000u;
    return (int32_t)(((uint32_t)(top + (rounded < words ? 1 : 0)) << 1) | (rounded >> 31));
}

/* The same for -2^30 < a < 2^30, whose lower half is taken as signed: no partial sum leaves 32 bits. */
SHARED int32_t multiply_high_tame(int32_t a, int32_t b)
{
    const int32_t a_low = (int16_t)a, a_high = (a - a_low) >> 16, b_low = b & 0xffff, b_high = b >> 16;
    const int32_t middle = a_high * b_low + a_low * b_high + ((a_low * b_low) >> 16);
    return a_high * b_high * 2 + ((middle + 0x4000) >> 15);
}
#else
/* (a * b + 2^30) >> 31 */
SHARED int32_t multiply_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

SHARED int32_t multiply_high_tame(int32_t a, int32_t b)
{
    return multiply_high(a, b);
}
#endif

/* Multiply by multiplier * 2^(shift - 31) as TensorFlow Lite does with double rounding: first to 32 bits, halves up,
 * then by a power of two, halves away from zero (tensorflow/lite/kernels/internal/common.h,
 * MultiplyByQuantizedMultiplier). Left shifts wrap, as they do there on every machine in use. */
SEPARATE int32_t requantize(int32_t sum, int32_t multiplier, int shift)
{
    const int left = shift > 0 ? shift : 0;
    const int right = shift > 0 ? 0 : -shift;
    const int32_t wide = (int32_t)((uint32_t)sum << left);
    const int32_t high = multiply_high(wide, multiplier);
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    const int32_t rest = high & mask;
    const int32_t half = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> right) + (rest > half ? 1 : 0);
}

#if defined(DSP)
#include "common_dsp.h"
#else
#include "common_portable.h"
#endif

#if defined(HELIUM)
#include "common_mve.h"
#endif

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
