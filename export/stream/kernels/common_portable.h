/* SPDX-License-Identifier: Apache-2.0 */
/* For any processor, what common_dsp.h does with instructions of its own. */

/* `requantize` to the right by 1 to 20 bits, for sums below 2^30, and the zero point: the same rounding, one shift. */
SHARED int32_t requantize_tame(int32_t sum, int32_t multiplier, int right, int32_t zero_point)
{
    const int32_t high = multiply_high_tame(sum, multiplier);
    return (high + (high >> 31) + (2 * zero_point + 1) * (1 << (right - 1))) >> right;
}

/* The same of half a number. */
SHARED int32_t requantize_twice(int32_t twice, int32_t multiplier, int right, int32_t zero_point)
{
    return requantize_tame(twice >> 1, multiplier, right, zero_point);
}

/* To a signed byte between bounds. */
SHARED int8_t clamped(int32_t value, int32_t least, int32_t most)
{
    return (int8_t)(value < least ? least : value > most ? most : value);
}
