/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D with Helium: eight channels at once.
 *
 * Products have 16 bits, and two are added up before they are widened to 32: with weights above -128 that is exact. The
 * input's zero point is taken off beforehand, times all weights, with the bias; so a place of padding counts as one that
 * holds the zero point. */

/* Of eight channels: those of even and of odd number, as widening leaves them. */
struct eight {
    int32x4_t even, odd;
};

/* What all pixels of a row need for a block of channels; even ones first. Assembly below knows its layout. */
struct block {
    int32_t start[2][4]; /* the bias less the zero point's share */
    int32_t multiplier[2][4], shift[2][4];
    int16_t least[8], most[8];
    int8_t padding[8];     /* the input's zero point */
    const int8_t *weights; /* [kernel_h * kernel_w][8] */
    mve_pred16_t there;    /* the channels that there are */
};

/* Of two pixels. */
struct two_eights {
    struct eight of[2];
};

/* Where two pixels read. */
struct two_pixels {
    const int8_t *of[2];
};

/* In assembly: products of 16 bits of two pixels, `one` and `other`, are widened and added to their sums. */
#define ADD_TO_SUMS                               \
    "vmovlb.s16 %q[by], %q[one]\n"                \
    "vadd.i32 %q[even_0], %q[even_0], %q[by]\n"   \
    "vmovlt.s16 %q[one], %q[one]\n"               \
    "vadd.i32 %q[odd_0], %q[odd_0], %q[one]\n"    \
    "vmovlb.s16 %q[by], %q[other]\n"              \
    "vadd.i32 %q[even_1], %q[even_1], %q[by]\n"   \
    "vmovlt.s16 %q[other], %q[other]\n"           \
    "vadd.i32 %q[odd_1], %q[odd_1], %q[other]\n"

/* Two neighbouring taps of two pixels. In assembly, as GCC 12 keeps an address for each load, and runs out of vectors. */
HELPER void two_taps(struct two_eights *sums, struct two_pixels *from, int32_t apart, const int8_t **weights)
{
    int16x8_t one, other, next, by;
    __asm__("vldrb.s16 %q[by], [%[weights]]\n"
            "vldrb.s16 %q[one], [%[first]]\n"
            "add %[first], %[first], %[apart]\n"
            "vmul.i16 %q[one], %q[one], %q[by]\n"
            "vldrb.s16 %q[other], [%[second]]\n"
            "add %[second], %[second], %[apart]\n"
            "vmul.i16 %q[other], %q[other], %q[by]\n"
            "vldrb.s16 %q[by], [%[weights], #8]\n"
            "vldrb.s16 %q[next], [%[first]]\n"
            "add %[first], %[first], %[apart]\n"
            "vmul.i16 %q[next], %q[next], %q[by]\n"
            "vadd.i16 %q[one], %q[one], %q[next]\n"
            "vldrb.s16 %q[next], [%[second]]\n"
            "add %[second], %[second], %[apart]\n"
            "vmul.i16 %q[next], %q[next], %q[by]\n"
            "vadd.i16 %q[other], %q[other], %q[next]\n"
            ADD_TO_SUMS
            : [even_0] "+w"(sums->of[0].even), [odd_0] "+w"(sums->of[0].odd), [even_1] "+w"(sums->of[1].even),
              [odd_1] "+w"(sums->of[1].odd), [first] "+l"(from->of[0]), [second] "+l"(from->of[1]),
              [one] "=&w"(one), [other] "=&w"(other), [next] "=&w"(next), [by] "=&w"(by)
            : [weights] "l"(*weights), [apart] "r"(apart)
            : "memory");
    *weights += 16;
}

/* A tap of two pixels. */
HELPER void one_tap(struct two_eights *sums, const struct two_pixels *from, const int8_t **weights)
{
    int16x8_t one, other, by;
    __asm__("vldrb.s16 %q[by], [%[weights]]\n"
            "vldrb.s16 %q[one], [%[first]]\n"
            "vmul.i16 %q[one], %q[one], %q[by]\n"
            "vldrb.s16 %q[other], [%[second]]\n"
            "vmul.i16 %q[other], %q[other], %q[by]\n"
            ADD_TO_SUMS
            : [even_0] "+w"(sums->of[0].even), [odd_0] "+w"(sums->of[0].odd), [even_1] "+w"(sums->of[1].even),
              [odd_1] "+w"(sums->of[1].odd), [one] "=&w"(one), [other] "=&w"(other), [by] "=&w"(by)
            : [first] "l"(from->of[0]), [second] "l"(from->of[1]), [weights] "l"(*weights)
            : "memory");
    *weights += 8;
}

/* Whether sizes are constants where they are used: clang wants to know before it inlines. */
#if SPELLED_OUT && !defined(__clang__)
#define CONSTANT_SIZES
#endif

#if defined(CONSTANT_SIZES)
/* What a load can add to its register. */
enum { NEAR = 127 };

/* A tap and the next one, which may lie in the next row. All numbers are constants.
 *
 * at: of the weights. offset, next_offset: of the first pixel's columns, from where its rows are read. step: from them to
 * the second pixel's; 0 where that is read from elsewhere. */
HELPER void two_near_taps(struct two_eights *sums, const int8_t *weights, int32_t at, const struct two_pixels *row,
                          int32_t offset, const struct two_pixels *next_row, int32_t next_offset, int32_t step)
{
    int16x8_t one, other, next, by;
    __asm__("vldrb.s16 %q[by], [%[weights], %[at]]\n"
            "vldrb.s16 %q[one], [%[first], %[offset]]\n"
            "vmul.i16 %q[one], %q[one], %q[by]\n"
            "vldrb.s16 %q[other], [%[second], %[offset_2]]\n"
            "vmul.i16 %q[other], %q[other], %q[by]\n"
            "vldrb.s16 %q[by], [%[weights], %[at_2]]\n"
            "vldrb.s16 %q[next], [%[next_first], %[next_offset]]\n"
            "vmul.i16 %q[next], %q[next], %q[by]\n"
            "vadd.i16 %q[one], %q[one], %q[next]\n"
            "vldrb.s16 %q[next], [%[next_second], %[next_offset_2]]\n"
            "vmul.i16 %q[next], %q[next], %q[by]\n"
            "vadd.i16 %q[other], %q[other], %q[next]\n"
            ADD_TO_SUMS
            : [even_0] "+w"(sums->of[0].even), [odd_0] "+w"(sums->of[0].odd), [even_1] "+w"(sums->of[1].even),
              [odd_1] "+w"(sums->of[1].odd), [one] "=&w"(one), [other] "=&w"(other), [next] "=&w"(next), [by] "=&w"(by)
            : [weights] "l"(weights), [at] "n"(at), [at_2] "n"(at + 8), [first] "l"(row->of[0]), [second] "l"(row->of[1]),
              [offset] "n"(offset), [offset_2] "n"(offset + step), [next_first] "l"(next_row->of[0]),
              [next_second] "l"(next_row->of[1]), [next_offset] "n"(next_offset), [next_offset_2] "n"(next_offset + step)
            : "memory");
}

/* The last of nine taps. */
HELPER void one_near_tap(struct two_eights *sums, const int8_t *weights, int32_t at, const struct two_pixels *row,
                         int32_t offset, int32_t step)
{
    int16x8_t one, other, by;
    __asm__("vldrb.s16 %q[by], [%[weights], %[at]]\n"
            "vldrb.s16 %q[one], [%[first], %[offset]]\n"
            "vmul.i16 %q[one], %q[one], %q[by]\n"
            "vldrb.s16 %q[other], [%[second], %[offset_2]]\n"
            "vmul.i16 %q[other], %q[other], %q[by]\n"
            ADD_TO_SUMS
            : [even_0] "+w"(sums->of[0].even), [odd_0] "+w"(sums->of[0].odd), [even_1] "+w"(sums->of[1].even),
              [odd_1] "+w"(sums->of[1].odd), [one] "=&w"(one), [other] "=&w"(other), [by] "=&w"(by)
            : [weights] "l"(weights), [at] "n"(at), [first] "l"(row->of[0]), [second] "l"(row->of[1]), [offset] "n"(offset),
              [offset_2] "n"(offset + step)
            : "memory");
}

/* The nine taps of a 3x3 window in pairs across rows, as each pair is widened once; neighbours lie up to NEAR / 2 apart. */
HELPER void nine_near_taps(struct two_eights *sums, const struct depthwise_conv_2d *op, const int8_t *const *lines,
                           int32_t offset, const int8_t *weights)
{
    const int32_t apart = op->dilation * op->in_channels, away = op->stride * op->in_channels;
    const int32_t step = 2 * apart + away <= NEAR ? away : 0, own = away - step;
    const struct two_pixels rows[3] = {{{lines[0] + offset, lines[0] + offset + own}},
                                       {{lines[1] + offset, lines[1] + offset + own}},
                                       {{lines[2] + offset, lines[2] + offset + own}}};
    two_near_taps(sums, weights, 0, &rows[0], 0, &rows[0], apart, step);
    two_near_taps(sums, weights, 16, &rows[0], 2 * apart, &rows[1], 0, step);
    two_near_taps(sums, weights, 32, &rows[1], apart, &rows[1], 2 * apart, step);
    two_near_taps(sums, weights, 48, &rows[2], 0, &rows[2], apart, step);
    one_near_tap(sums, weights, 64, &rows[2], 2 * apart, step);
}
#endif

/* Sums of two neighbouring pixels none of whose columns is padding; offset: of the first column and channel. */
HELPER struct two_eights two_inside(const struct depthwise_conv_2d *op, const int8_t *const *lines, int32_t offset,
                                    const struct block *block)
{
    const int8_t *weights = block->weights;
    const struct eight start = {vldrwq_s32(block->start[0]), vldrwq_s32(block->start[1])};
    struct two_eights sums = {{start, start}};
#if defined(CONSTANT_SIZES)
    if (op->kernel_h == 3 && op->kernel_w == 3 && 2 * op->dilation * op->in_channels <= NEAR) {
        nine_near_taps(&sums, op, lines, offset, weights);
        return sums;
    }
#endif
    UNROLL
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        struct two_pixels from = {{lines[ky] + offset, lines[ky] + offset + op->stride * op->in_channels}};
        UNROLL
        for (int kx = 0; kx + 1 < op->kernel_w; kx += 2) {
            two_taps(&sums, &from, op->dilation * op->in_channels, &weights);
        }
        if (op->kernel_w % 2 != 0) {
            one_tap(&sums, &from, &weights);
        }
    }
    return sums;
}

/* A tap of one pixel, of the channels that there are. */
HELPER struct eight add_tap(struct eight sums, const int8_t *pixel, const int8_t *weights, mve_pred16_t there)
{
    int16x8_t one, by;
    __asm__("vmsr p0, %[there]\n"
            "vldrb.s16 %q[by], [%[weights]]\n"
            "vpst\n"
            "vldrbt.s16 %q[one], [%[pixel]]\n"
            "vmul.i16 %q[one], %q[one], %q[by]\n"
            "vmovlb.s16 %q[by], %q[one]\n"
            "vadd.i32 %q[even], %q[even], %q[by]\n"
            "vmovlt.s16 %q[one], %q[one]\n"
            "vadd.i32 %q[odd], %q[odd], %q[one]"
            : [even] "+w"(sums.even), [odd] "+w"(sums.odd), [one] "=&w"(one), [by] "=&w"(by)
            : [pixel] "l"(pixel), [weights] "l"(weights), [there] "r"(there)
            : "memory", "cc");
    return sums;
}

/* Sums of any pixel and any number of channels. left: the first column. */
HELPER struct eight one_anywhere(const struct depthwise_conv_2d *op, const int8_t *const *lines, int left, int channel,
                                 const struct block *block)
{
    const int8_t *weights = block->weights;
    struct eight sums = {vldrwq_s32(block->start[0]), vldrwq_s32(block->start[1])};
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        const int8_t *const line = lines[ky];
        int32_t offset = left * op->in_channels + channel;
        int column = left;
        UNROLL
        for (int kx = 0; kx < op->kernel_w; ++kx) {
            sums = add_tap(sums, column >= 0 && column < op->in_width ? line + offset : block->padding, weights, block->there);
            weights += 8;
            column += op->dilation;
            offset += op->dilation * op->in_channels;
        }
    }
    return sums;
}

/* scratch: for the weights, which are zeros where a row is padding. */
HELPER void prepare_block(const struct depthwise_conv_2d *op, const int8_t *const *rows, int channel, int8_t *scratch,
                          struct block *block)
{
    int16x8_t all = vdupq_n_s16(0);
    const int8_t *weights = op->weights + channel;
    block->weights = scratch;
    block->there = vctp16q((uint32_t)(op->in_channels - channel));
    vstrhq_s16(block->least, vdupq_n_s16((int16_t)op->least));
    vstrhq_s16(block->most, vdupq_n_s16((int16_t)op->most));
    memset(block->padding, op->in_zero_point, sizeof block->padding);
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        const mve_pred16_t there = rows[ky] != NULL ? block->there : 0;
        for (int kx = 0; kx < op->kernel_w; ++kx) {
            const int16x8_t each = vldrbq_z_s16(weights, there);
            all = vaddq_s16(all, each);
            vstrbq_s16(scratch, each);
            scratch += 8;
            weights += op->in_channels;
        }
    }
    const uint32x4_t left = vdupq_n_u32((uint32_t)(op->in_channels - channel));
    for (uint32_t odd = 0; odd < 2; ++odd) {
        const uint32x4_t lanes = vidupq_n_u32(odd, 2);
        const mve_pred16_t each = vcmphiq_u32(left, lanes);
        const int32x4_t bias = vldrwq_gather_shifted_offset_z_s32(op->bias + channel, lanes, each);
        vstrwq_s32(block->start[odd], vmlaq_n_s32(bias, odd != 0 ? vmovltq_s16(all) : vmovlbq_s16(all), -op->in_zero_point));
        vstrwq_s32(block->multiplier[odd], vldrwq_gather_shifted_offset_z_s32(op->multiplier + channel, lanes, each));
        vstrwq_s32(block->shift[odd], vldrbq_gather_offset_z_s32(op->shift + channel, lanes, each));
    }
}

/* In output steps, as `requantize_tame_4` and `clamped_4` make them: beyond 16 bits is beyond the bounds as well. */
HELPER int16x8_t finish_eight(const struct depthwise_conv_2d *op, struct eight sums, const struct block *block)
{
    int32x4_t by;
    __asm__("vldrw.32 %q[by], [%[block], #32]\n"
            "vqrdmulh.s32 %q[even], %q[even], %q[by]\n"
            "vldrw.32 %q[by], [%[block], #48]\n"
            "vqrdmulh.s32 %q[odd], %q[odd], %q[by]"
            : [even] "+w"(sums.even), [odd] "+w"(sums.odd), [by] "=&w"(by)
            : [block] "l"(block)
            : "memory");
    if (!SPELLED_OUT || op->least < op->out_zero_point) { /* as `sign_of` */
        sums.even = vaddq_s32(sums.even, vshrq_n_s32(sums.even, 31));
        sums.odd = vaddq_s32(sums.odd, vshrq_n_s32(sums.odd, 31));
    }
    __asm__("vldrw.32 %q[by], [%[block], #64]\n"
            "vrshl.s32 %q[even], %q[even], %q[by]\n"
            "vldrw.32 %q[by], [%[block], #80]\n"
            "vrshl.s32 %q[odd], %q[odd], %q[by]\n"
            "vqmovnb.s32 %q[even], %q[even]\n"
            "vqmovnt.s32 %q[even], %q[odd]\n"
            "vldrh.16 %q[by], [%[block], #96]\n"
            "vqadd.s16 %q[even], %q[even], %[zero_point]\n"
            "vldrh.16 %q[odd], [%[block], #112]\n"
            "vmax.s16 %q[even], %q[even], %q[by]\n"
            "vmin.s16 %q[even], %q[even], %q[odd]"
            : [even] "+w"(sums.even), [odd] "+w"(sums.odd), [by] "=&w"(by)
            : [block] "l"(block), [zero_point] "r"(op->out_zero_point)
            : "memory");
    return vreinterpretq_s16_s32(sums.even);
}

#if SPELLED_OUT
/* The same of two pixels, in the place of their even channels. Where sizes are no constants, GCC 12 runs out of vectors. */
HELPER void finish_two(const struct depthwise_conv_2d *op, struct two_eights *sums, const struct block *block)
{
    struct eight *const one = &sums->of[0], *const other = &sums->of[1];
    int32x4_t by;
    __asm__("vldrw.32 %q[by], [%[block], #32]\n"
            "vqrdmulh.s32 %q[even_0], %q[even_0], %q[by]\n"
            "vqrdmulh.s32 %q[even_1], %q[even_1], %q[by]\n"
            "vldrw.32 %q[by], [%[block], #48]\n"
            "vqrdmulh.s32 %q[odd_0], %q[odd_0], %q[by]\n"
            "vqrdmulh.s32 %q[odd_1], %q[odd_1], %q[by]"
            : [even_0] "+w"(one->even), [odd_0] "+w"(one->odd), [even_1] "+w"(other->even), [odd_1] "+w"(other->odd),
              [by] "=&w"(by)
            : [block] "l"(block)
            : "memory");
    if (op->least < op->out_zero_point) { /* as `sign_of` */
        one->even = vaddq_s32(one->even, vshrq_n_s32(one->even, 31));
        one->odd = vaddq_s32(one->odd, vshrq_n_s32(one->odd, 31));
        other->even = vaddq_s32(other->even, vshrq_n_s32(other->even, 31));
        other->odd = vaddq_s32(other->odd, vshrq_n_s32(other->odd, 31));
    }
    __asm__("vldrw.32 %q[by], [%[block], #64]\n"
            "vrshl.s32 %q[even_0], %q[even_0], %q[by]\n"
            "vrshl.s32 %q[even_1], %q[even_1], %q[by]\n"
            "vldrw.32 %q[by], [%[block], #80]\n"
            "vrshl.s32 %q[odd_0], %q[odd_0], %q[by]\n"
            "vrshl.s32 %q[odd_1], %q[odd_1], %q[by]\n"
            "vqmovnb.s32 %q[even_0], %q[even_0]\n"
            "vqmovnt.s32 %q[even_0], %q[odd_0]\n"
            "vqmovnb.s32 %q[even_1], %q[even_1]\n"
            "vqmovnt.s32 %q[even_1], %q[odd_1]\n"
            "vqadd.s16 %q[even_0], %q[even_0], %[zero_point]\n"
            "vqadd.s16 %q[even_1], %q[even_1], %[zero_point]"
            : [even_0] "+w"(one->even), [odd_0] "+w"(one->odd), [even_1] "+w"(other->even), [odd_1] "+w"(other->odd),
              [by] "=&w"(by)
            : [block] "l"(block), [zero_point] "r"(op->out_zero_point)
            : "memory");
    if (op->least == INT8_MIN && op->most == INT8_MAX) { /* a byte is the lower half of what is stored */
        __asm__("vqmovnb.s16 %q[even_0], %q[even_0]\n"
                "vqmovnb.s16 %q[even_1], %q[even_1]"
                : [even_0] "+w"(one->even), [even_1] "+w"(other->even));
        return;
    }
    __asm__("vldrh.16 %q[by], [%[block], #96]\n"
            "vmax.s16 %q[even_0], %q[even_0], %q[by]\n"
            "vmax.s16 %q[even_1], %q[even_1], %q[by]\n"
            "vldrh.16 %q[by], [%[block], #112]\n"
            "vmin.s16 %q[even_0], %q[even_0], %q[by]\n"
            "vmin.s16 %q[even_1], %q[even_1], %q[by]"
            : [even_0] "+w"(one->even), [even_1] "+w"(other->even), [by] "=&w"(by)
            : [block] "l"(block)
            : "memory");
}
#endif

/* A block of channels of a row. all: there are eight channels. */
HELPER void block_deep(const struct depthwise_conv_2d *op, const int8_t *const *lines, int channel, int8_t *restrict out,
                       const struct block *block, int all)
{
    const int last = op->in_width - 1 - (op->kernel_w - 1) * op->dilation;
    int left = -op->pad_left, x = 0;
    while (x < op->out_width) {
        if (all && left >= 0 && left + op->stride <= last && x + 1 < op->out_width) {
            struct two_eights sums = two_inside(op, lines, left * op->in_channels + channel, block);
#if SPELLED_OUT
            finish_two(op, &sums, block);
            vstrbq_s16(out, vreinterpretq_s16_s32(sums.of[0].even));
            vstrbq_s16(out + op->in_channels, vreinterpretq_s16_s32(sums.of[1].even));
#else
            vstrbq_s16(out, finish_eight(op, sums.of[0], block));
            vstrbq_s16(out + op->in_channels, finish_eight(op, sums.of[1], block));
#endif
            out += 2 * op->in_channels;
            left += 2 * op->stride;
            x += 2;
        } else {
            const struct eight sums = one_anywhere(op, lines, left, channel, block);
            vstrbq_p_s16(out, finish_eight(op, sums, block), block->there);
            out += op->in_channels;
            left += op->stride;
            ++x;
        }
    }
}

/* Four channels of a pixel whose window begins at `left`, whatever their sums and shifts are. */
HELPER void four_deep(const struct depthwise_conv_2d *op, const int8_t *const *rows, int left, int channel,
                          int8_t *restrict out)
{
    const mve_pred16_t there = vctp32q((uint32_t)(op->in_channels - channel));
    const struct scaling by = {vldrwq_z_s32(op->multiplier + channel, there), vldrbq_z_s32(op->shift + channel, there)};
    const int first = first_tap(op, left), last = last_tap(op, left);
    int32x4_t sums = vldrwq_z_s32(op->bias + channel, there);
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        if (rows[ky] == NULL) {
            continue;
        }
        const int8_t *pixel = rows[ky] + (left + first * op->dilation) * op->in_channels + channel;
        const int8_t *weights = op->weights + (ky * op->kernel_w + first) * op->in_channels + channel;
        for (int kx = first; kx < last; ++kx) {
            const int32x4_t input = vaddq_n_s32(vldrbq_z_s32(pixel, there), -op->in_zero_point);
            sums = vaddq_s32(sums, vmulq_s32(input, vldrbq_z_s32(weights, there)));
            pixel += op->dilation * op->in_channels;
            weights += op->in_channels;
        }
    }
    sums = requantize_4(sums, by);
    vstrbq_p_s32(out + channel, clamped_4(vaddq_n_s32(sums, op->out_zero_point), op->least, op->most), there);
}

/* Any rows in place of padding, where weights are zeros. lines: [kernel_h] */
HELPER void find_lines(const struct depthwise_conv_2d *op, const int8_t *const *rows, const int8_t **lines)
{
    const int8_t *any = NULL;
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        any = rows[ky] != NULL ? rows[ky] : any;
    }
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        lines[ky] = rows[ky] != NULL ? rows[ky] : any;
    }
}

/* Make all channels; returns how many. The last block begins so that it is whole, where there are eight channels.
 * scratch: of weights of eight channels and the rows' places, if there are four channels. */
HELPER int make_depthwise(const struct depthwise_conv_2d *op, const int8_t *const *rows, int8_t *restrict out, void *scratch)
{
    const int channels = op->in_channels, all = channels >= 8;
    if (op->tame && channels >= 4) {
        const int8_t **const lines = (void *)((int8_t *)scratch + 8 * op->kernel_h * op->kernel_w);
        find_lines(op, rows, lines);
        for (int channel = 0; channel < channels; channel += 8) {
            const int from = all && channel > channels - 8 ? channels - 8 : channel;
            struct block block;
            prepare_block(op, rows, from, scratch, &block);
            block_deep(op, lines, from, out + from, &block, all);
        }
        return channels;
    }
    for (int x = 0; x < op->out_width; ++x) {
        for (int channel = 0; channel < channels; channel += 4) {
            four_deep(op, rows, x * op->stride - op->pad_left, channel, out);
        }
        out += channels;
    }
    return channels;
}
