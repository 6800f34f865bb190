/* SPDX-License-Identifier: Apache-2.0 */
/* SOFTMAX over the channels of each pixel, one output row; gemmlowp's fixed point, as TensorFlow Lite has it. */

#include "common.h"

struct softmax {
    const int32_t *exponentials; /* [256], 31 fractional bits: by how far a step lies below the largest */
    int16_t width, channels;
};

/* a * b / 2^31, halves away from zero; not both -2^31. */
SHARED int32_t softmax_product(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    return (int32_t)((product + (product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30))) / ((int64_t)1 << 31));
}

/* value * 2^bits, saturated. */
SHARED int32_t softmax_shifted(int32_t value, int bits)
{
    const int64_t wide = (int64_t)value * ((int64_t)1 << bits);
    return wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : (int32_t)wide;
}

/* 1 / (1 + x) for x from 0 to 1, 31 fractional bits both: three steps of Newton's method. */
SHARED int32_t softmax_reciprocal(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t guess = 1515870810 + softmax_product(half, -1010580540); /* 48/17 - 32/17 * half, 29 fractional bits */
    for (int i = 0; i < 3; ++i) {
        const int32_t rest = ((int32_t)1 << 29) - softmax_product(half, guess);
        guess += softmax_shifted(softmax_product(guess, rest), 2);
    }
    return softmax_shifted(guess, 1);
}

KERNEL void softmax_row(const struct softmax *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int8_t *pixel = rows[0];
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->width; ++x) {
        int8_t largest = INT8_MIN;
        int32_t sum = 0, scale;
        int zeros = 0, right;
        for (int c = 0; c < op->channels; ++c) {
            largest = pixel[c] > largest ? pixel[c] : largest;
        }
        for (int c = 0; c < op->channels; ++c) {
            sum += (int32_t)(((uint32_t)op->exponentials[largest - pixel[c]] + (1u << 11)) >> 12);
        }
        while (((uint32_t)sum << zeros & 0x80000000u) == 0) {
            ++zeros;
        }
        scale = softmax_reciprocal((int32_t)(((uint32_t)sum << zeros) - 0x80000000u));
        right = 12 - zeros + 31 - 8;
        for (int c = 0; c < op->channels; ++c) {
            const int32_t exponential = op->exponentials[largest - pixel[c]];
            const int64_t share = softmax_product(scale, exponential);
            const int32_t step = (int32_t)((share + (right > 0 ? (int64_t)1 << (right - 1) : 0)) >> right) - 128;
            *out++ = (int8_t)(step > 127 ? 127 : step);
        }
        pixel += op->channels;
    }
}
