/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of depthwise_conv_2d_columns.h for Armv6-M (Cortex-M0, M0+): these cores multiply in place, to 32 bits, so weights
 * are loaded again for each column, four words at a time with the place of the row's number. */

/* Assembly below knows the layout. */
struct nine {
    struct {
        int32_t offset; /* of the row's number from the first row's */
        int32_t weights[3];
    } rows[3];
    int32_t low, middle, high; /* 10, 10 and 11 bits of the multiplier */
    int32_t rounding, right;
    int32_t out_step;
    const int8_t *end; /* the column behind the last */
    int32_t start, step;
};

HELPER void arrange_taps(const int32_t *weights, int32_t start, const int8_t *const *lines, struct nine *taps)
{
    for (int ky = 0; ky < 3; ++ky) {
        taps->rows[ky].offset = lines[ky] - lines[0];
        for (int kx = 0; kx < 3; ++kx) {
            taps->rows[ky].weights[kx] = *weights++;
        }
    }
    taps->start = start;
}

/* Returns the sum that the column ends. */
HELPER int32_t add_column(const struct nine *taps, struct trio pixel, struct begun *begun)
{
    int32_t ended = begun->first, next = begun->second, begins = taps->start;
    for (int ky = 0; ky < 3; ++ky) {
        const int32_t number = pixel.top[taps->rows[ky].offset], *weights = taps->rows[ky].weights;
        begins += number * weights[0];
        next += number * weights[1];
        ended += number * weights[2];
    }
    begun->first = next;
    begun->second = begins;
    return ended;
}

HELPER int8_t as_byte(const struct depthwise_conv_2d *op, const struct scale *by, int32_t twice)
{
    return clamped(requantize_tame(twice >> 1, by->multiplier, by->right, op->out_zero_point), op->least, op->most);
}

/* r0: by, r1: pixel, r2: out, r3: begun. In loops r0: the column, r1: the next words of `by`, r7: the sum that is ended, r8 and
 * r9: the sum that begins and the one that goes on, r10: by, r11: start, r12: out, lr: step. */
#define WALK_BEGINS                \
    ".syntax unified\n"            \
    "push {r3-r7, lr}\n"           \
    "mov r4, r8\n"                 \
    "mov r5, r9\n"                 \
    "mov r6, r10\n"                \
    "mov r7, r11\n"                \
    "push {r4-r7}\n"               \
    "mov r10, r0\n"                \
    "mov r12, r2\n"                \
    "ldr r4, [r0, #76]\n"          \
    "mov r11, r4\n"                \
    "ldr r4, [r0, #80]\n"          \
    "mov lr, r4\n"                 \
    "ldr r7, [r3]\n"               \
    "ldr r4, [r3, #4]\n"           \
    "mov r9, r4\n"                 \
    "mov r0, r1\n"                 \
    "1:\n"                         \
    "mov r1, r10\n"                \
    "mov r8, r11\n"

/* The sum times the multiplier / 2^32, part by part; the bit that is shifted out last rounds. Then the sign, the zero point, the
 * shift; a byte holds the result, or its end does. */
#define WALK_FINISHES              \
    "ldmia r1!, {r2-r6}\n"         \
    "muls r2, r7\n"                \
    "asrs r2, r2, #10\n"           \
    "muls r3, r7\n"                \
    "adds r3, r3, r2\n"            \
    "asrs r3, r3, #10\n"           \
    "muls r4, r7\n"                \
    "adds r4, r4, r3\n"            \
    "asrs r4, r4, #12\n"           \
    "adcs r4, r5\n"                \
    "asrs r7, r7, #31\n"           \
    "adds r4, r4, r7\n"            \
    "asrs r4, r6\n"                \
    "sxtb r5, r4\n"                \
    "cmp r5, r4\n"                 \
    "beq 2f\n"                     \
    "asrs r5, r4, #31\n"           \
    "movs r4, #127\n"              \
    "eors r4, r5\n"                \
    "2:\n"                         \
    "ldmia r1!, {r2, r3}\n"        \
    "mov r6, r12\n"                \
    "strb r4, [r6]\n"              \
    "add r12, r2\n"

#define WALK_ENDS                  \
    "cmp r0, r3\n"                 \
    "bne 1b\n"                     \
    "pop {r3-r6}\n"                \
    "mov r2, r9\n"                 \
    "mov r8, r3\n"                 \
    "mov r9, r4\n"                 \
    "mov r10, r5\n"                \
    "mov r11, r6\n"                \
    "pop {r3-r6}\n"                \
    "str r7, [r3]\n"               \
    "str r2, [r3, #4]\n"           \
    "pop {r7, pc}\n"

/* Of the columns from `pixel` on, each ends a number of the output. */
__attribute__((naked, noinline, unused)) static void walk_by_one(const struct nine *by UNUSED, const int8_t *pixel UNUSED,
                                                                 int8_t *out UNUSED, struct begun *begun UNUSED)
{
    __asm__(WALK_BEGINS
            ".rept 3\n"
            "ldmia r1!, {r2-r5}\n"
            "ldrsb r2, [r0, r2]\n"
            "muls r3, r2\n"
            "muls r4, r2\n"
            "muls r5, r2\n"
            "add r8, r3\n"
            "add r9, r4\n"
            "adds r7, r7, r5\n"
            ".endr\n"
            "add r0, lr\n" WALK_FINISHES
            "mov r7, r9\n"
            "mov r9, r8\n" WALK_ENDS);
}

/* The same of the first, third, ... column. */
__attribute__((naked, noinline, unused)) static void walk_by_two(const struct nine *by UNUSED, const int8_t *pixel UNUSED,
                                                                 int8_t *out UNUSED, struct begun *begun UNUSED)
{
    __asm__(WALK_BEGINS
            ".rept 3\n"
            "ldmia r1!, {r2-r5}\n"
            "ldrsb r6, [r0, r2]\n"
            "add r2, lr\n"
            "ldrsb r2, [r0, r2]\n"
            "muls r3, r6\n"
            "muls r5, r6\n"
            "muls r4, r2\n"
            "adds r7, r7, r5\n"
            "add r8, r3\n"
            "add r8, r4\n"
            ".endr\n"
            "add r0, lr\n"
            "add r0, lr\n" WALK_FINISHES
            "mov r7, r8\n" WALK_ENDS);
}

/* The sums that walk_... can multiply, twice: its parts of products stay below 2^31 for sums below 2^20, and nine weights
 * of up to 254 add up to nine times 254 * 128. */
enum { LARGEST_START = (1 << 20) - 9 * 254 * 128 };

/* `make_inside_columns` in assembly, where stride, bounds and bias allow it; returns how many numbers were made. */
HELPER int walk_columns(const struct depthwise_conv_2d *op, struct nine *taps, const struct scale *by, struct trio pixel,
                        struct begun *begun, int count, int8_t *restrict out)
{
    const int32_t start = taps->start;
    if (op->stride > 2 || start <= -LARGEST_START || start >= LARGEST_START || op->least != INT8_MIN || op->most != INT8_MAX || count < 1) {
        return 0;
    }
    taps->low = by->multiplier & 1023;
    taps->middle = (by->multiplier >> 10) & 1023;
    taps->high = by->multiplier >> 20;
    taps->rounding = by->rounding;
    taps->right = by->right;
    taps->out_step = op->in_channels * op->depth_multiplier;
    taps->end = pixel.top + count * op->stride * op->in_channels;
    taps->step = op->in_channels;
    (op->stride == 1 ? walk_by_one : walk_by_two)(taps, pixel.top, out, begun);
    return count;
}
