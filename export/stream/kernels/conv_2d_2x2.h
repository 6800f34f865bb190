/* SPDX-License-Identifier: Apache-2.0 */
/* CONV_2D, two pixels by two channels at a time, around a processor's gather_column and multiply_2x2. Columns that the
 * next strip shares are kept. */

/* One channel's sums at two pixels become bytes. */
HELPER void finish_pair(const struct conv_2d *op, int channel, const int32_t *sums, int8_t *out, int second)
{
    const int32_t multiplier = op->multiplier[channel], least = op->least, most = op->most;
    const int32_t zero_point = op->out_zero_point;
    const int shift = op->shift[channel], tame = op->tame;
    const size_t apart = (size_t)op->out_channels;
    out += channel;
    UNROLL
    for (int i = 0; i < 1 + second; ++i) {
        const int32_t value = tame ? requantize_tame(sums[i], multiplier, -shift, zero_point)
                                   : requantize(sums[i], multiplier, shift) + zero_point;
        *out = clamped(value, least, most);
        out += apart;
    }
}

KERNEL void conv_2d_row(const struct conv_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int column = op->column_bytes / 4 * COLUMN_WORDS;
    const int size = 2 * op->kernel_w * op->column_bytes; /* weights of two channels */
    const int phase = y % op->phases;
    const int32_t *const bias = op->bias + phase * op->out_channels;
    const int8_t *const phase_weights = op->weights + phase * ((op->out_channels + 1) / 2) * size;
    /* Neighbouring windows share columns, unless they are spread. */
    const int shared = op->dilation == 1 && op->stride <= op->kernel_w;
    const int apart = shared ? op->stride : op->kernel_w;
    const int kept = shared ? op->kernel_w - op->stride : 0;
    column_word *const window = scratch;
    int8_t *const bytes = (int8_t *)(window + ((op->strip - 1) * apart + op->kernel_w) * column);
    for (int x = 0; x < op->out_width; x += op->strip) {
        const int pixels = x + op->strip <= op->out_width ? op->strip : op->out_width - x;
        const int columns = ((pixels + 1) / 2 * 2 - 1) * apart + op->kernel_w;
        const int left = x * op->stride - op->pad_left;
        if (x > 0) {
            for (int i = 0; i < kept * column; ++i) {
                window[i] = window[op->strip * apart * column + i];
            }
        }
        for (int i = x > 0 ? kept : 0; i < columns; ++i) {
            const int at = left + (shared ? i : i / op->kernel_w * op->stride + i % op->kernel_w * op->dilation);
            gather_column(op, rows, at, window + i * column, bytes);
        }
        for (int pixel = 0; pixel < pixels; pixel += 2) {
            const int second = op->out_width % 2 == 0 || pixel + 1 < pixels;
            const column_word *const left_window = window + pixel * apart * column;
            const int8_t *weights = phase_weights;
            for (int channel = 0; channel < op->out_channels; channel += 2) {
                const int both = op->out_channels % 2 == 0 || channel + 1 < op->out_channels;
                int32_t sums[4] = {bias[channel], bias[channel], bias[channel + both], bias[channel + both]};
                multiply_2x2(left_window, left_window + apart * column, weights, weights + size, sums);
                weights += size;
                finish_pair(op, channel, sums, out, second);
                if (both) {
                    finish_pair(op, channel + 1, sums + 2, out, second);
                }
            }
            out += 2 * op->out_channels;
        }
    }
}
