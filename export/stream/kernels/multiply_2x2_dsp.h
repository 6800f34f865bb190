/* SPDX-License-Identifier: Apache-2.0 */
/* Two pixels whose windows begin at `left` and `right`, through two channels whose weights lie from `weights` to `end`,
 * in turn 4 bytes of each. sums: of channel 0 at both pixels, of channel 1 at both pixels; begins with the biases.
 *
 * 17 instructions for 16 products. In C, compilers keep words that both windows share in registers, run out of them and
 * take 30; here all 14 are spoken for. Naked, so that it also compiles without optimization. */
__attribute__((naked, noinline)) static void multiply_2x2(const uint32_t *left UNUSED, const uint32_t *right UNUSED,
                                                          const int8_t *weights UNUSED, const int8_t *end UNUSED,
                                                          int32_t *sums UNUSED)
{
    __asm__(
        "push {r4-r11, lr}\n"
        "ldr ip, [sp, #36]\n"
        "ldm ip, {r4-r7}\n"
        "1:\n"
        "ldrd r8, r9, [r2], #8\n" /* weights of both channels */
        "ldrd ip, lr, [r0], #8\n" /* left pixel */
        "sxtb16 r10, r8\n"
        "sxtb16 r11, r9\n"
        "sxtb16 r8, r8, ror #8\n"
        "sxtb16 r9, r9, ror #8\n"
        "smlad r4, r10, ip, r4\n"
        "smlad r6, r11, ip, r6\n"
        "smlad r4, r8, lr, r4\n"
        "smlad r6, r9, lr, r6\n"
        "ldrd ip, lr, [r1], #8\n" /* right pixel */
        "smlad r5, r10, ip, r5\n"
        "smlad r7, r11, ip, r7\n"
        "smlad r5, r8, lr, r5\n"
        "smlad r7, r9, lr, r7\n"
        "cmp r2, r3\n"
        "bne 1b\n"
        "ldr ip, [sp, #36]\n"
        "stm ip, {r4-r7}\n"
        "pop {r4-r11, pc}\n");
}
