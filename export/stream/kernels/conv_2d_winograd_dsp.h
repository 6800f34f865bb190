/* Winograd's F(2x2, 3x3) for Armv7E-M and Armv8-M with DSP: two products an instruction, weights of 16 bits. */

SHARED uint32_t add_pairs(uint32_t a, uint32_t b)
{
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

SHARED uint32_t subtract_pairs(uint32_t a, uint32_t b)
{
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

/* The sum of two rows' bytes, or their difference. */
SHARED struct four joined(uint32_t a, uint32_t b, int sum)
{
    struct four result;
    if (sum) {
        __asm__("sxtab16 %0, %1, %2" : "=r"(result.even) : "r"(even_bytes(a)), "r"(b));
        __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result.odd) : "r"(odd_bytes(a)), "r"(b));
    } else {
        result.even = subtract_pairs(even_bytes(a), even_bytes(b));
        result.odd = subtract_pairs(odd_bytes(a), odd_bytes(b));
    }
    return result;
}

/* A group by a block at both tiles: 32 products in 22 instructions. r0: inputs; r1: weights; r4 to r11: sums. */
#define WORDS_OF_A_GROUP \
    ".rept 2\n" \
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
    ".endr\n"

/* A column of the transform, four groups a turn; the first turn begins where the rest is. */
#define COLUMN(label, entry, end) \
    "ldr.w pc, [sp, #" entry "]\n" label ":\n" \
    ".rept 4\n" WORDS_OF_A_GROUP ".endr\n" \
    "ldr r2, [sp, #" end "]\n" \
    "cmp r0, r2\n" \
    "bne.w " label "b\n"

#define ENTRY(label, entry) \
    "adr.w r7, " label "f\n" \
    "add r7, r7, r6\n" \
    "str r7, [sp, #" entry "]\n"

/* What becomes of eight sums: stored; or the sums and differences of what there was and them; or added. */
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

/* Twice what column 1 made, less what columns 1 and 2 made: where column 3 goes on. */
#define TURN_2(from, to, low, high) \
    "ldrd r2, r3, [sp, #" from "]\n" \
    "rsb r2, " low ", r2, lsl #1\n" \
    "rsb r3, " high ", r3, lsl #1\n" \
    "strd r2, r3, [sp, #" to "]\n"

/* A pair of tiles through all blocks, for one row of the transform.
 *
 * inputs: [4 columns][groups][2][TILES]; sums: [blocks][ROWS][COLUMNS][TILES][BLOCK]. step: 0 stores to row 0; 1 leaves
 * the sum there and the difference in row 1; 2 adds to row 0.
 *
 * On the stack: 0: zeros; 32: what column 1 made; 64: where column 3 goes on; 96: where columns of inputs end; 112: where
 * to enter their loops; 128: sums; 132: blocks; 136: inputs; 140: what to do with finished sums. Naked, so that it also
 * compiles without optimization: all registers are spoken for. */
__attribute__((naked, noinline)) static void multiply_pair(const uint32_t *inputs UNUSED, const int16_t *weights UNUSED,
                                                           int32_t *sums UNUSED, int blocks UNUSED, int groups UNUSED,
                                                           int step UNUSED)
{
    __asm__(
        ".p2align 2\n"
        "push {r4-r11, lr}\n"
        "sub sp, sp, #152\n"
        "strd r2, r3, [sp, #128]\n"
        "str r0, [sp, #136]\n"
        "ldrd r4, r3, [sp, #188]\n" /* groups, step */
        "add r5, r0, r4, lsl #4\n"
        "add r6, r5, r4, lsl #4\n"
        "strd r5, r6, [sp, #96]\n"
        "add r5, r6, r4, lsl #4\n"
        "add r6, r5, r4, lsl #4\n"
        "strd r5, r6, [sp, #104]\n"
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
        "6:\n"
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
        "add sp, sp, #152\n"
        "pop {r4-r11, pc}\n");
}
