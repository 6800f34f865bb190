/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D for Helium: two pixels by four channels at a time, 16 products an instruction. Columns stay bytes.
 *
 * The windows of a strip of pixels are gathered, unless they are pixels as they lie in a row. Then four channels after
 * the other meet all pixels of the strip. */

/* 16 bytes of two windows by 16 of four channels: 128 products in 14 instructions. */
#define STEP \
    "vldrb.u8 q2, [r5], #16\n" \
    "vld20.32 {q0, q1}, [r7]\n" \
    "vld21.32 {q0, q1}, [r7]!\n" \
    "vldrb.u8 q3, [r1], #16\n" \
    "vmladava.s8 r0, q0, q2\n" \
    "vmladava.s8 r2, q1, q2\n" \
    "vmladava.s8 r4, q0, q3\n" \
    "vmladava.s8 r6, q1, q3\n" \
    "vld20.32 {q0, q1}, [r3]\n" \
    "vld21.32 {q0, q1}, [r3]!\n" \
    "vmladava.s8 r8, q0, q2\n" \
    "vmladava.s8 r10, q1, q2\n" \
    "vmladava.s8 r12, q0, q3\n" \
    "vmladava.s8 lr, q1, q3\n"

/* Sums of pixels by four channels, [pixels][4], from `sums` to `end`, two pixels at a time.
 *
 * left, right: the first two windows, of `rest` bytes (4 to 16, whole words) and 16 once or more; the next two begin
 * `ahead` bytes behind their ends. weights, more: of two channels each. steps: how many times 16, and 1.
 *
 * The rest comes first: where VLD2 reads weights behind it, there are some. Eight sums take all even registers, which
 * VMLADAV wants; compilers spill. Naked, so that it also compiles without optimization. */
__attribute__((naked, noinline)) static void multiply_2x4(const int8_t *left UNUSED, const int8_t *right UNUSED,
                                                          const int8_t *weights UNUSED, const int8_t *more UNUSED,
                                                          int steps UNUSED, int rest UNUSED, int ahead UNUSED,
                                                          int32_t *end UNUSED, int32_t *sums UNUSED)
{
    __asm__("push {r2-r11, lr}\n"
            "ldr r12, [sp, #48]\n"
            "ldr r11, [sp, #60]\n"
            "mov r5, r0\n"
            "vctp.8 r12\n"
            "0:\n"
            "ldrd r7, r3, [sp]\n"
            "ldrd r9, r12, [sp, #44]\n"
            "vpstt\n"
            "vldrbt.u8 q2, [r5]\n"
            "vldrbt.u8 q3, [r1]\n"
            "vld20.32 {q0, q1}, [r7]\n"
            "vld21.32 {q0, q1}, [r7]\n"
            "add r5, r12\n"
            "add r1, r12\n"
            "add r7, r7, r12, lsl #1\n"
            "vmladav.s8 r0, q0, q2\n"
            "vmladav.s8 r2, q1, q2\n"
            "vmladav.s8 r4, q0, q3\n"
            "vmladav.s8 r6, q1, q3\n"
            "vld20.32 {q0, q1}, [r3]\n"
            "vld21.32 {q0, q1}, [r3]\n"
            "add r3, r3, r12, lsl #1\n"
            "vmladav.s8 r8, q0, q2\n"
            "vmladav.s8 r10, q1, q2\n"
            "vmladav.s8 r12, q0, q3\n"
            "vmladav.s8 lr, q1, q3\n"
            "lsrs r9, #1\n"
            "bcc 2f\n"
            "1:\n" STEP "2:\n" STEP
            "subs r9, #1\n"
            "bne 1b\n"
            "vmov q0[2], q0[0], r0, r8\n"
            "vmov q0[3], q0[1], r2, r10\n"
            "vmov q1[2], q1[0], r4, r12\n"
            "vmov q1[3], q1[1], r6, lr\n"
            "ldrd r0, r2, [sp, #52]\n"
            "vstrw.32 q0, [r11], #16\n"
            "vstrw.32 q1, [r11], #16\n"
            "add r5, r0\n"
            "add r1, r0\n"
            "cmp r11, r2\n"
            "bne 0b\n"
            "pop {r2-r11, pc}\n");
}

/* Weights of four channels, at most 16 bytes of each: they stay in registers. */
struct few_weights {
    int8x16_t of[4];
};

HELPER struct few_weights load_few(const int8_t *weights, const int8_t *more, int size)
{
    const mve_pred16_t some = vctp32q((uint32_t)size / 4);
    const uint32x4_t even = vidupq_n_u32(0, 2);
    const int32_t *const pairs[2] = {(const int32_t *)weights, (const int32_t *)more};
    struct few_weights result;
    for (int i = 0; i < 4; ++i) {
        const int32_t *words = pairs[i / 2] + i % 2;
        result.of[i] = vreinterpretq_s8_s32(vldrwq_gather_shifted_offset_z_s32(words, even, some));
    }
    return result;
}

HELPER int32x4_t multiply_few(const int8_t *window, struct few_weights weights, int size)
{
    const int8x16_t bytes = vldrbq_z_s8(window, vctp8q((uint32_t)size));
    return four(vmladavq_s8(bytes, weights.of[0]), vmladavq_s8(bytes, weights.of[1]),
                vmladavq_s8(bytes, weights.of[2]), vmladavq_s8(bytes, weights.of[3]));
}

/* Four channels: what their sums need to become bytes. */
struct channels {
    int32x4_t bias;
    struct scaling by;
    mve_pred16_t there;
};

/* A pixel's sums become bytes. */
HELPER void store_4(const struct conv_2d *op, const struct channels *channels, int32x4_t sums, int8_t *out)
{
    const int32x4_t sum = vaddq_s32(sums, channels->bias);
    const int32x4_t value = op->tame ? requantize_tame_4(sum, channels->by) : requantize_4(sum, channels->by);
    const int32x4_t bytes = clamped_4(vaddq_n_s32(value, op->out_zero_point), op->least, op->most);
    if (op->out_channels % 4 == 0) {
        vstrbq_s32(out, bytes);
    } else {
        vstrbq_p_s32(out, bytes, channels->there);
    }
}

enum { CHUNK = 16 }; /* pixels whose sums wait on the stack to become bytes */

/* Four channels of some pixels. windows: `apart` bytes from each other; an odd number of pixels has one more behind. */
HELPER void make_channels(const struct conv_2d *op, const int8_t *windows, int apart, int pixels, const int8_t *weights,
                          const int32_t *bias, int channel, int8_t *out)
{
    const int size = op->kernel_w * op->column_bytes;
    const int8_t *const more = op->out_channels - channel > 2 ? weights + 2 * size : weights;
    struct channels four_channels;
    four_channels.there = vctp32q((uint32_t)(op->out_channels - channel));
    four_channels.bias = vldrwq_z_s32(bias + channel, four_channels.there);
    four_channels.by.multiplier = vldrwq_z_s32(op->multiplier + channel, four_channels.there);
    four_channels.by.shift = vldrbq_z_s32(op->shift + channel, four_channels.there);
    out += channel;
    if (size <= 16) {
        const struct few_weights few = load_few(weights, more, size);
        for (int pixel = 0; pixel < pixels; ++pixel) {
            store_4(op, &four_channels, multiply_few(windows, few, size), out);
            windows += apart;
            out += op->out_channels;
        }
        return;
    }
    const int whole = (size - 1) / 16;
    for (int pixel = 0; pixel < pixels; pixel += CHUNK) {
        const int count = pixels - pixel < CHUNK ? pixels - pixel : CHUNK;
        int32_t sums[4 * CHUNK];
        multiply_2x4(windows, windows + apart, weights, more, whole + 1, size - 16 * whole, 2 * apart - size,
                     sums + (count + 1) / 2 * 8, sums);
        for (int i = 0; i < count; ++i) {
            store_4(op, &four_channels, vldrwq_s32(sums + 4 * i), out);
            out += op->out_channels;
        }
        windows += CHUNK * apart;
    }
}

/* `count` pieces of 4 or 8 bytes, word by word. */
HELPER void spread_words(const int8_t *from, int size, int count, int8_t *to, int apart)
{
    const uint32_t a = (uint32_t)apart, places[2][4] = {{0, a, 2 * a, 3 * a}, {0, 4, a, a + 4}};
    const uint32x4_t offsets = vldrwq_u32(places[size == 8]);
    const int at_once = size == 8 ? 2 : 4;
    for (; count >= at_once; count -= at_once) {
        vstrwq_scatter_offset_s32((int32_t *)WORDS(to), offsets, vldrwq_s32((const int32_t *)WORDS(from)));
        from += 16;
        to += at_once * apart;
    }
    if (count > 0) {
        const mve_pred16_t some = vctp32q((uint32_t)(count * size / 4));
        const int32x4_t words = vldrwq_z_s32((const int32_t *)WORDS(from), some);
        vstrwq_scatter_offset_p_s32((int32_t *)WORDS(to), offsets, words, some);
    }
}

/* `count` pieces of `size` bytes, one behind the other, go to places `apart` bytes from each other. */
HELPER void spread(const struct conv_2d *op, const int8_t *from, int size, int count, int8_t *to, int apart)
{
    if (op->whole_words && (size == 4 || size == 8)) {
        spread_words(from, size, count, to, apart);
        return;
    }
    for (int i = 0; i < size / 16 * 16; i += 16) {
        for (int piece = 0; piece < count; ++piece) {
            vstrbq_s8(to + piece * apart + i, vldrbq_s8(from + piece * size + i));
        }
    }
    if (size % 16 > 0) {
        const mve_pred16_t some = vctp8q((uint32_t)size % 16);
        from += size / 16 * 16;
        to += size / 16 * 16;
        for (int piece = 0; piece < count; ++piece) {
            vstrbq_p_s8(to + piece * apart, vldrbq_z_s8(from + piece * size, some), some);
        }
    }
}

/* Columns x, x + 1, ... that lie in the picture. */
HELPER void gather_inside(const struct conv_2d *op, const int8_t *const *rows, int x, int count, int8_t *columns)
{
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        UNROLL
        for (int part = 0; part < op->parts; ++part) {
            const int8_t *row = rows[part * op->kernel_h + ky];
            const int channels = op->part_channels[part];
            if (row != NULL) {
                spread(op, row + x * channels, channels, count, columns, op->column_bytes);
            } else {
                for (int i = 0; i < count; ++i) {
                    memset(columns + i * op->column_bytes, op->in_zero_point, (size_t)channels);
                }
            }
            columns += channels;
        }
    }
}

/* Columns x, x + 1, ... of which some may hang over the border. */
HELPER void gather_strip(const struct conv_2d *op, const int8_t *const *rows, int x, int count, int8_t *columns)
{
    const int first = x < 0 ? 0 : x, end = x + count < op->in_width ? x + count : op->in_width;
    const size_t column = (size_t)op->column_bytes;
    if (first >= end) {
        memset(columns, op->in_zero_point, (size_t)count * column);
        return;
    }
    if (first > x) {
        memset(columns, op->in_zero_point, (size_t)(first - x) * column);
    }
    gather_inside(op, rows, first, end - first, columns + (first - x) * op->column_bytes);
    if (end < x + count) {
        memset(columns + (end - x) * op->column_bytes, op->in_zero_point, (size_t)(x + count - end) * column);
    }
}

KERNEL void conv_2d_row(const struct conv_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int phase = y % op->phases;
    const int pair = 2 * op->kernel_w * op->column_bytes; /* weights of two channels */
    const int32_t *const bias = op->bias + phase * op->out_channels;
    const int8_t *const weights = op->weights + phase * ((op->out_channels + 1) / 2) * pair;
    /* The windows of a 1x1 convolution are the row's pixels; a pixel without a partner would read behind the row. */
    const int direct = op->kernel_w == 1 && op->kernel_h == 1 && op->parts == 1 && op->in_channels % 4 == 0
                       && (op->out_width % 2 == 0 || op->in_channels <= 16);
    /* Neighbouring windows share columns, unless they are spread. */
    const int shared = op->dilation == 1 && op->stride <= op->kernel_w;
    const int apart = shared || direct ? op->stride : op->kernel_w;
    /* The scratch holds op->strip pixels' columns of 16 bits, and one of 8. */
    const int columns = 2 * ((op->strip - 1) * apart + op->kernel_w) + 1;
    const int strip = direct ? op->out_width : ((columns - op->kernel_w) / apart + 1) / 2 * 2;
    for (int x = 0; x < op->out_width; x += strip) {
        const int pixels = x + strip <= op->out_width ? strip : op->out_width - x;
        const int left = x * op->stride - op->pad_left;
        const int8_t *const windows = direct ? rows[0] : scratch;
        if (!direct && shared) {
            gather_strip(op, rows, left, (pixels - 1) * apart + op->kernel_w, scratch);
        } else if (!direct) {
            for (int i = 0; i < pixels * op->kernel_w; ++i) {
                const int at = left + i / op->kernel_w * op->stride + i % op->kernel_w * op->dilation;
                gather_bytes(op, rows, at, (int8_t *)scratch + i * op->column_bytes);
            }
        }
        for (int channel = 0; channel < op->out_channels; channel += 4) {
            make_channels(op, windows, apart * op->column_bytes, pixels, weights + channel / 2 * pair, bias, channel,
                          out);
        }
        out += pixels * op->out_channels;
    }
}
