/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D for Armv6-M (Cortex-M0, M0+): columns stay bytes. These cores load signed bytes by an index only, multiply in
 * place, and have eight registers for it; compilers spill in such a loop and take twice as long.
 *
 * As conv_2d_dsp.h's multiply_2x2, 64 instructions for 16 products. r0, r1: the pixels; r2, r3: the channels' weights;
 * r4: index; r8 to r11: sums; r12: bytes of a channel's weights. */
typedef uint32_t column_word; /* 4 bytes of a column */
enum { COLUMN_WORDS = 1 };

__attribute__((naked, noinline)) static void multiply_2x2(const column_word *left UNUSED, const column_word *right UNUSED,
                                                          const int8_t *weights UNUSED, const int8_t *end UNUSED,
                                                          int32_t *sums UNUSED)
{
    __asm__(
        ".syntax unified\n"
        "push {r4-r7, lr}\n"
        "mov r4, r8\n"
        "mov r5, r9\n"
        "mov r6, r10\n"
        "mov r7, r11\n"
        "push {r4-r7}\n"
        "ldr r7, [sp, #36]\n"
        "ldmia r7!, {r4-r6}\n"
        "mov r8, r4\n"
        "mov r9, r5\n"
        "mov r10, r6\n"
        "ldr r4, [r7]\n"
        "mov r11, r4\n"
        "subs r3, r3, r2\n"
        "lsrs r3, r3, #1\n"
        "mov r12, r3\n"
        "adds r3, r2, #4\n"
        "movs r4, #0\n"
        "1:\n"
        ".rept 4\n"
        "ldrsb r6, [r2, r4]\n" /* channel 0 */
        "ldrsb r5, [r0, r4]\n"
        "muls r5, r6, r5\n"
        "add r8, r5\n"
        "ldrsb r5, [r1, r4]\n"
        "muls r5, r6, r5\n"
        "add r9, r5\n"
        "ldrsb r6, [r3, r4]\n" /* channel 1 */
        "ldrsb r5, [r0, r4]\n"
        "muls r5, r6, r5\n"
        "add r10, r5\n"
        "ldrsb r5, [r1, r4]\n"
        "muls r5, r6, r5\n"
        "add r11, r5\n"
        "adds r4, r4, #1\n"
        ".endr\n"
        "adds r2, r2, #4\n" /* past the other channel's word */
        "adds r3, r3, #4\n"
        "cmp r4, r12\n"
        "bne 1b\n"
        "ldr r7, [sp, #36]\n"
        "mov r4, r8\n"
        "mov r5, r9\n"
        "mov r6, r10\n"
        "stmia r7!, {r4-r6}\n"
        "mov r4, r11\n"
        "str r4, [r7]\n"
        "pop {r4-r7}\n"
        "mov r8, r4\n"
        "mov r9, r5\n"
        "mov r10, r6\n"
        "mov r11, r7\n"
        "pop {r4-r7, pc}\n");
}

HELPER void gather_column(const struct conv_2d *op, const int8_t *const *rows, int x, column_word *column, int8_t *bytes)
{
    (void)bytes;
    gather_bytes(op, rows, x, (int8_t *)column);
}
