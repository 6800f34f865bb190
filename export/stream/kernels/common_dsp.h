/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of Armv7E-M and Armv8-M with the DSP extension (Cortex-M4, M7, M33), two 16-bit numbers a word. */

/* Bytes 0 and 2, or 1 and 3, as two 16-bit numbers. */
SHARED uint32_t even_bytes(uint32_t word)
{
    uint32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(word));
    return pair;
}

SHARED uint32_t odd_bytes(uint32_t word)
{
    uint32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

/* sum + a.low * b.low + a.high * b.high */
SHARED int32_t multiply_pairs(uint32_t a, uint32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}

/* `requantize_tame` of half a number. */
SHARED int32_t requantize_twice(int32_t twice, int32_t multiplier, int right, int32_t zero_point)
{
    int32_t high; /* (sum * multiplier + 2^30) >> 31 */
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(twice), "r"(multiplier));
    return (high + (high >> 31) + (2 * zero_point + 1) * (1 << (right - 1))) >> right;
}

/* `requantize` to the right by 1 to 20 bits, for sums below 2^30, and the zero point: the same rounding, one shift. */
SHARED int32_t requantize_tame(int32_t sum, int32_t multiplier, int right, int32_t zero_point)
{
    return requantize_twice(sum * 2, multiplier, right, zero_point);
}

/* To a signed byte between bounds; one instruction where they are a byte's own. */
SHARED int8_t clamped(int32_t value, int32_t least, int32_t most)
{
    if (least == INT8_MIN && most == INT8_MAX) {
        int32_t byte;
        __asm__("ssat %0, #8, %1" : "=r"(byte) : "r"(value));
        return (int8_t)byte;
    }
    return (int8_t)(value < least ? least : value > most ? most : value);
}

SHARED uint32_t load_word(const void *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}
