/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd's F(2x2, 3x3) for Armv7E-M and Armv8-M with DSP: two products an instruction, weights of 16 bits. */

/* A column's difference of two rows, four channels, to `even` and `odd`: 0 and 2, 1 and 3, 16 bits each. r0: the first
 * row's pixel; r1: from there to the other row's; r2: to the next pixel. Clobbers r12 and lr. */
#define COLUMN_LESS(even, odd) \
    "ldr r12, [r0]\n" \
    "ldr lr, [r0, r1]\n" \
    "add r0, r0, r2\n" \
    "sxtb16 " even ", r12\n" \
    "sxtb16 " odd ", r12, ror #8\n" \
    "sxtb16 r12, lr\n" \
    "sxtb16 lr, lr, ror #8\n" \
    "ssub16 " even ", " even ", r12\n" \
    "ssub16 " odd ", " odd ", lr\n"

/* The same for sums. */
#define COLUMN_AND(even, odd) \
    "ldr r12, [r0]\n" \
    "ldr lr, [r0, r1]\n" \
    "add r0, r0, r2\n" \
    "sxtb16 " even ", r12\n" \
    "sxtb16 " odd ", r12, ror #8\n" \
    "sxtab16 " even ", " even ", lr\n" \
    "sxtab16 " odd ", " odd ", lr, ror #8\n"

#define BOTH(operation, even, odd, less_even, less_odd) \
    operation " r12, " even ", " less_even "\n" operation " lr, " odd ", " less_odd "\n"

/* A tile's columns in the order 1, 2, 0, 3; the last one takes the place of the first.
 *
 * r0 to r2   as COLUMN_LESS has them
 * r3         to: this pair's column 1, this group
 * r10        from there to the next column
 * e0 to o2   three neighbouring columns, even and odd channels of each: two come in, the third is loaded
 * r11        column 0, 2 or 3, where it goes
 * r12, lr    what is stored */
#define TILE(column, e0, o0, e1, o1, e2, o2, at, odd_at) \
    column(e2, o2) "add r11, r3, r10, lsl #1\n" \
    BOTH("ssub16", e0, o0, e2, o2) \
    "str r12, [r11, #" at "]\n" \
    "str lr, [r11, #" odd_at "]\n" \
    BOTH("sadd16", e1, o1, e2, o2) \
    "str r12, [r3, #" at "]\n" \
    "str lr, [r3, #" odd_at "]\n" \
    BOTH("ssub16", e2, o2, e1, o1) \
    "sub r11, r11, r10\n" \
    "str r12, [r11, #" at "]\n" \
    "str lr, [r11, #" odd_at "]\n" \
    column(e0, o0) "add r11, r11, r10, lsl #1\n" \
    BOTH("ssub16", e1, o1, e0, o0) \
    "str r12, [r11, #" at "]\n" \
    "str lr, [r11, #" odd_at "]\n"

/* All groups of all pairs. Registers as in TILE, and
 *
 * r4 to r9   three columns, even and odd: r4, r5 and r6, r7 begin a pair; its last two columns, made with its second tile,
 *            are the next pair's first, and move there from r6, r7 and r8, r9
 * r12        counts pairs and groups between tiles */
#define GROUPS(label, column) \
    label "0:\n" /* a group */ \
    "ldr r12, [sp, #12]\n" \
    "str r12, [sp, #4]\n" \
    column("r4", "r5") column("r6", "r7") \
    label "1:\n" /* a pair */ \
    TILE(column, "r4", "r5", "r6", "r7", "r8", "r9", "0", "8") \
    TILE(column, "r8", "r9", "r4", "r5", "r6", "r7", "4", "12") \
    "ldr r12, [sp, #4]\n" \
    "mov r4, r6\n" \
    "mov r5, r7\n" \
    "mov r6, r8\n" \
    "mov r7, r9\n" \
    "subs r12, r12, #1\n" \
    "str r12, [sp, #4]\n" \
    "add r3, r3, r10, lsl #2\n" \
    "bne.w " label "1b\n" \
    "ldr r0, [sp]\n" \
    "ldr r3, [sp, #52]\n" \
    "ldr r12, [sp, #64]\n" \
    "add r0, r0, #4\n" \
    "add r3, r3, #16\n" \
    "str r0, [sp]\n" \
    "str r3, [sp, #52]\n" \
    "subs r12, r12, #1\n" \
    "str r12, [sp, #64]\n" \
    "bne.w " label "0b\n" \
    "pop {r0-r11, pc}\n"

/* Groups of channels of pairs of tiles, one row of the transform.
 *
 * a, b: rows, `apart` bytes from a pixel to the next. to: of a pair, its four columns `next` words apart. sum: of the rows,
 * or their difference. Naked, so that it also compiles without optimization. On the stack: 0: a; 4: pairs left; 12: pairs;
 * 52: to; 56: next; 60: sum; 64: groups left. In registers: what GROUPS says. */
__attribute__((naked, noinline)) static void transform_groups(const int8_t *a UNUSED, const int8_t *b UNUSED,
                                                              int apart UNUSED, int pairs UNUSED, uint32_t *to UNUSED,
                                                              int next UNUSED, int sum UNUSED, int groups UNUSED)
{
    __asm__(
        "push {r0-r11, lr}\n"
        "sub r1, r1, r0\n"
        "ldr r3, [sp, #52]\n"
        "ldrd r10, r12, [sp, #56]\n"
        "lsl r10, r10, #2\n"
        "cmp r12, #0\n"
        "bne.w 20f\n" GROUPS("1", COLUMN_LESS) GROUPS("2", COLUMN_AND));
}

/* Half a group by a block at both tiles: 16 products in 11 instructions.
 *
 * r0         inputs; goes on by 8 bytes
 * r1         weights; goes on by 16 bytes
 * r2, r3     two input channels of the left tile, of the right one
 * r4 to r7   sums of the left tile, output channels 0 to 3
 * r8 to r11  of the right one
 * r12, lr    weights of output channels 0 and 1, then 2 and 3 */
#define PRODUCTS \
    ".macro products\n" \
    "ldrd r2, r3, [r0], #8\n" /* both tiles */ \
    "ldrd r12, lr, [r1], #8\n" /* channels 0 and 1 */ \
    "smlad r4, r2, r12, r4\n" \
    "smlad r8, r3, r12, r8\n" \
    "smlad r5, r2, lr, r5\n" \
    "smlad r9, r3, lr, r9\n" \
    "ldrd r12, lr, [r1], #8\n" /* channels 2 and 3 */ \
    "smlad r6, r2, r12, r6\n" \
    "smlad r10, r3, r12, r10\n" \
    "smlad r7, r2, lr, r7\n" \
    "smlad r11, r3, lr, r11\n" \
    ".endm\n"

/* A column of the transform, four groups a turn; the first turn begins where the rest is. Registers as in PRODUCTS; r2 is
 * then where the column's inputs end, and free. */
#define COLUMN(label, entry, end) \
    "ldr.w pc, [sp, #" entry "]\n" label ":\n" \
    ".rept 8\n" \
    "products\n" \
    ".endr\n" \
    "ldr r2, [sp, #" end "]\n" \
    "cmp r0, r2\n" \
    "bne.w " label "b\n"

/* Where a column's loop is entered, kept on the stack. r6: bytes of code to jump over, and 1 for Thumb; r7: free. */
#define ENTRY(label, entry) \
    "adr.w r7, " label "f\n" \
    "add r7, r7, r6\n" \
    "str r7, [sp, #" entry "]\n"

/* What becomes of eight sums: stored; or the sums and differences of what there was and them; or added.
 *
 * r4 to r11  the sums, as in PRODUCTS
 * r2, r3     two numbers that lie there; for STORE, r2 is where the sums lie
 * r12        where the sums lie */
#define STORE(at) \
    "ldr r2, [sp, #128]\n" \
    "add r2, r2, #" at "\n" \
    "stm r2, {r4-r11}\n"

#define SPLIT_2(at, low, high) \
    "ldrd r2, r3, [r12, #" at "]\n" \
    "add r2, r2, " low "\n" \
    "add r3, r3, " high "\n" \
    "strd r2, r3, [r12, #" at "]\n" \
    "sub " low ", r2, " low ", lsl #1\n" \
    "sub " high ", r3, " high ", lsl #1\n"

#define SPLIT(at, at1, at2, at3, below) \
    "ldr r12, [sp, #128]\n" SPLIT_2(at, "r4", "r5") SPLIT_2(at1, "r6", "r7") SPLIT_2(at2, "r8", "r9") \
        SPLIT_2(at3, "r10", "r11") "add r12, r12, #" below "\n" \
    "stm r12, {r4-r11}\n"

#define ADD_2(at, low, high) \
    "ldrd r2, r3, [r12, #" at "]\n" \
    "add " low ", " low ", r2\n" \
    "add " high ", " high ", r3\n"

#define ADD(at, at1, at2, at3) \
    "ldr r12, [sp, #128]\n" ADD_2(at, "r4", "r5") ADD_2(at1, "r6", "r7") ADD_2(at2, "r8", "r9") ADD_2(at3, "r10", "r11") \
    "add r12, r12, #" at "\n" \
    "stm r12, {r4-r11}\n"

/* Twice what column 1 made, less what columns 1 and 2 made: where column 3 goes on. r2, r3: free; low, high: two sums. */
#define TURN_2(from, to, low, high) \
    "ldrd r2, r3, [sp, #" from "]\n" \
    "rsb r2, " low ", r2, lsl #1\n" \
    "rsb r3, " high ", r3, lsl #1\n" \
    "strd r2, r3, [sp, #" to "]\n"

/* Pairs of tiles through all blocks, for one row of the transform.
 *
 * inputs: [pairs][4 columns][groups][2][TILES]; sums: [pairs][blocks][ROWS][COLUMNS][TILES][BLOCK]. step: 0 stores to row
 * 0; 1 leaves the sum there and the difference in row 1; 2 adds to row 0.
 *
 * On the stack: 0: zeros; 32: what column 1 made; 64: where column 3 goes on; 96: where columns of inputs end; 112: where
 * to enter their loops; 128: sums; 132: blocks left; 136: inputs; 140: what to do with finished sums; 148: weights; 152:
 * blocks. In registers: what PRODUCTS says; before the first pair r3 is the step, and r4 to r7 find the places to enter.
 * Naked, so that it also compiles without optimization: all registers are spoken for. */
__attribute__((naked, noinline)) static void multiply_strip(const uint32_t *inputs UNUSED, const int16_t *weights UNUSED,
                                                            int32_t *sums UNUSED, int blocks UNUSED, int groups UNUSED,
                                                            int step UNUSED, int pairs UNUSED)
{
    __asm__(
        PRODUCTS
        ".p2align 2\n"
        "push {r4-r11, lr}\n"
        "sub sp, sp, #156\n"
        "strd r1, r3, [sp, #148]\n"
        "str r2, [sp, #128]\n"
        "ldrd r4, r3, [sp, #192]\n" /* groups, step */
        "rsb r6, r4, #0\n"
        "and r6, r6, #3\n"
        "mov r7, #88\n"
        "mul r6, r6, r7\n"
        "add r6, r6, #1\n" /* Thumb */
        ENTRY("1", "112") ENTRY("2", "116") ENTRY("3", "120") ENTRY("4", "124")
        "adr.w r4, 11f\n"
        "adr.w r5, 21f\n"
        "cmp r3, #1\n"
        "blt.n 5f\n"
        "adr.w r4, 12f\n"
        "adr.w r5, 22f\n"
        "beq.n 5f\n"
        "adr.w r4, 13f\n"
        "adr.w r5, 23f\n"
        "5:\n"
        "add r4, r4, #1\n"
        "add r5, r5, #1\n"
        "strd r4, r5, [sp, #140]\n"
        "movs r4, #0\n"
        "mov r5, r4\n"
        "strd r4, r5, [sp]\n"
        "strd r4, r5, [sp, #8]\n"
        "strd r4, r5, [sp, #16]\n"
        "strd r4, r5, [sp, #24]\n"
        "9:\n" /* a pair */
        "ldrd r1, r3, [sp, #148]\n"
        "ldr r4, [sp, #192]\n"
        "str r3, [sp, #132]\n"
        "str r0, [sp, #136]\n"
        "add r5, r0, r4, lsl #4\n"
        "add r6, r5, r4, lsl #4\n"
        "strd r5, r6, [sp, #96]\n"
        "add r5, r6, r4, lsl #4\n"
        "add r6, r5, r4, lsl #4\n"
        "strd r5, r6, [sp, #104]\n"
        "6:\n" /* a block */
        "ldr r0, [sp, #136]\n"
        "ldm sp, {r4-r11}\n"
        COLUMN("1", "112", "96")
        "add r2, sp, #32\n"
        "stm r2, {r4-r11}\n"
        COLUMN("2", "116", "100")
        TURN_2("32", "64", "r4", "r5") TURN_2("40", "72", "r6", "r7")
        TURN_2("48", "80", "r8", "r9") TURN_2("56", "88", "r10", "r11")
        COLUMN("3", "120", "104")
        "ldr.w pc, [sp, #140]\n"
        ".p2align 2\n"
        "12:\n" SPLIT("0", "8", "16", "24", "64")
        "b.n 7f\n"
        ".p2align 2\n"
        "13:\n" ADD("0", "8", "16", "24")
        "b.n 7f\n"
        ".p2align 2\n"
        "11:\n" STORE("0")
        "7:\n"
        "add r2, sp, #64\n"
        "ldm r2, {r4-r11}\n"
        COLUMN("4", "124", "108")
        "ldr.w pc, [sp, #144]\n"
        ".p2align 2\n"
        "22:\n" SPLIT("32", "40", "48", "56", "96")
        "b.n 8f\n"
        ".p2align 2\n"
        "23:\n" ADD("32", "40", "48", "56")
        "b.n 8f\n"
        ".p2align 2\n"
        "21:\n" STORE("32")
        "8:\n"
        "ldrd r2, r3, [sp, #128]\n"
        "add r2, r2, #128\n"
        "subs r3, r3, #1\n"
        "strd r2, r3, [sp, #128]\n"
        "bne.w 6b\n"
        "ldr r3, [sp, #200]\n" /* pairs */
        "subs r3, r3, #1\n"
        "str r3, [sp, #200]\n"
        "bne.w 9b\n"
        "add sp, sp, #156\n"
        "pop {r4-r11, pc}\n"
        ".purgem products\n");
}

/* A pixel's sum, so many bytes from r0, becomes a byte in r8.
 *
 * r0         sums of the pair, at this channel
 * r4, r5     twice the bias; the multiplier
 * r6         what rounds, and the zero point
 * r7         bits to the right
 * r8         the number */
#define FINISH(at) \
    "ldr r8, [r0, #" at "]\n" \
    "add r8, r4, r8, asr #1\n" \
    "smmulr r8, r8, r5\n" \
    "add r8, r8, r8, asr #31\n" \
    "add r8, r8, r6\n" \
    "asr r8, r8, r7\n" \
    "ssat r8, #8, r8\n"

#define FINISH_ROW(out, at0, at1, at2, at3) \
    FINISH(at1) "strb r8, [" out ", r3]\n" FINISH(at2) "strb r8, [" out ", r3, lsl #1]\n" FINISH(at3) \
    "strb r8, [" out ", r9]\n" FINISH(at0) "strb r8, [" out "], #1\n"

/* The sums of a pair become bytes of four pixels, `apart` bytes from each other, in two rows. scaling, right: of so many
 * `channels`. zero: 2 * zero point + 1.
 *
 * r0, r4 to r8   as in FINISH
 * r1, r2         this channel of the first pixel, in the upper and in the lower row
 * r3, r9         one pixel; three of them
 * r10, r11       scaling; right: of the next channel
 * r12, lr        zero; channels done */
__attribute__((naked, noinline)) static void finish_rows(const int32_t *sums UNUSED, int8_t *top UNUSED,
                                                         int8_t *bottom UNUSED, int apart UNUSED,
                                                         const int32_t *scaling UNUSED, const int8_t *right UNUSED,
                                                         int zero UNUSED, int channels UNUSED)
{
    __asm__(
        "push {r4-r11, lr}\n"
        "ldrd r10, r11, [sp, #36]\n"
        "ldr r12, [sp, #44]\n"
        "add r9, r3, r3, lsl #1\n"
        "mov lr, #0\n"
        "1:\n"
        "ldrd r4, r5, [r10], #8\n"
        "ldrsb r7, [r11], #1\n"
        "sub r6, r7, #1\n"
        "lsl r6, r12, r6\n"
        FINISH_ROW("r1", "0", "32", "16", "48") FINISH_ROW("r2", "64", "96", "80", "112")
        "add r0, r0, #4\n"
        "add lr, lr, #1\n"
        "tst lr, #3\n"
        "it eq\n"
        "addeq r0, r0, #112\n"
        "ldr r8, [sp, #48]\n"
        "cmp lr, r8\n"
        "bne.w 1b\n"
        "pop {r4-r11, pc}\n");
}

HELPER void finish_tiles(const struct conv_2d_winograd *op, const int32_t *sums, int first, int end, int8_t *top,
                         int8_t *bottom)
{
    finish_rows(sums, top + first, bottom + first, op->out_channels, op->scaling + 2 * first, op->right + first,
                2 * op->out_zero_point + 1, end - first);
}
