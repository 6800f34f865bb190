/* SPDX-License-Identifier: Apache-2.0 */
/* Helium (M-profile vector extension, integers): requantization of four sums at once. */

/* What `requantize` needs, for four channels. */
struct scaling {
    int32x4_t multiplier, shift;
};

SHARED int32x4_t four(int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32x4_t vector;
    __asm__("vmov %q0[2], %q0[0], %1, %3\n"
            "vmov %q0[3], %q0[1], %2, %4"
            : "=&w"(vector)
            : "r"(a), "r"(b), "r"(c), "r"(d));
    return vector;
}

/* `requantize` for shifts of -1 and less. VQRDMULH rounds as SaturatingRoundingDoublingHighMul, VRSHL as
 * RoundingDivideByPOT but for halves of negative numbers, which go up. */
SHARED int32x4_t requantize_tame_4(int32x4_t sums, struct scaling by)
{
    const int32x4_t high = vqrdmulhq_s32(sums, by.multiplier);
    return vrshlq_s32(vaddq_s32(high, vshrq_n_s32(high, 31)), by.shift);
}

/* `requantize` for any shift. */
SHARED int32x4_t requantize_4(int32x4_t sums, struct scaling by)
{
    const int32x4_t zero = vdupq_n_s32(0);
    const int32x4_t right = vminq_s32(by.shift, zero);
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(sums, vmaxq_s32(by.shift, zero)), by.multiplier);
    return vrshlq_s32(vqaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
}

/* To signed bytes between bounds, in the lowest bytes of the words. */
SHARED int32x4_t clamped_4(int32x4_t values, int32_t least, int32_t most)
{
    return vminq_s32(vmaxq_s32(values, vdupq_n_s32(least)), vdupq_n_s32(most));
}
