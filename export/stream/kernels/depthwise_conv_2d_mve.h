/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTHWISE_CONV_2D with Helium: four channels at once, the last ones under a predicate. */

/* Four channels of a pixel whose window begins at `left`. */
HELPER void four_deep(const struct depthwise_conv_2d *op, const int8_t *const *rows, int left, int channel,
                          int8_t *restrict out)
{
    const mve_pred16_t there = vctp32q((uint32_t)(op->in_channels - channel));
    const struct scaling by = {vldrwq_z_s32(op->multiplier + channel, there), vldrbq_z_s32(op->shift + channel, there)};
    const int first = first_tap(op, left), last = last_tap(op, left);
    int32x4_t sums = vldrwq_z_s32(op->bias + channel, there);
    UNROLL
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
    sums = op->tame ? requantize_tame_4(sums, by) : requantize_4(sums, by);
    vstrbq_p_s32(out + channel, clamped_4(vaddq_n_s32(sums, op->out_zero_point), op->least, op->most), there);
}

/* Make all channels; returns how many. */
HELPER int make_depthwise(const struct depthwise_conv_2d *op, const int8_t *const *rows, int8_t *restrict out, void *scratch)
{
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        for (int channel = 0; channel < op->in_channels; channel += 4) {
            four_deep(op, rows, x * op->stride - op->pad_left, channel, out);
        }
        out += op->in_channels;
    }
    return op->in_channels;
}
