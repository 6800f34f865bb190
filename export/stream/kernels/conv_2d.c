/* CONV_2D for any processor. The window of each pixel is gathered once, with the input's zero point where it hangs over
 * the border, and then every output channel is one long sum of products: the bias has the zero point folded in. */

/* rows: [parts][kernel_h], null where a row is padding. */
HELPER void gather_column(const struct conv_2d *op, const int8_t *const *rows, int x, int8_t *column)
{
    const int8_t *end = column + op->column_bytes;
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        for (int part = 0; part < op->parts; ++part) {
            const int8_t *row = rows[part * op->kernel_h + ky];
            const size_t channels = (size_t)op->part_channels[part];
            if (row == NULL || x < 0 || x >= op->in_width) {
                memset(column, op->in_zero_point, channels);
            } else {
                memcpy(column, row + (size_t)x * channels, channels);
            }
            column += channels;
        }
    }
    while (column < end) {
        *column++ = 0;
    }
}

KERNEL void conv_2d_row(const struct conv_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int size = op->kernel_w * op->column_bytes;
    const int phase = y % op->phases;
    const int32_t *const bias = op->bias + phase * op->out_channels;
    int8_t *window = scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int8_t *weights = op->weights + (size_t)(phase * ((op->out_channels + 1) / 2)) * 2u * (size_t)size;
        for (int kx = 0; kx < op->kernel_w; ++kx) {
            gather_column(op, rows, x * op->stride - op->pad_left + kx * op->dilation, window + kx * op->column_bytes);
        }
        for (int channel = 0; channel < op->out_channels; channel += 2) {
            const int both = channel + 1 < op->out_channels;
            int32_t sums[2] = {bias[channel], bias[channel + both]};
            for (int i = 0; i < size; i += 4) {
                for (int k = i; k < i + 4; ++k) {
                    sums[0] += window[k] * weights[i + k];
                    sums[1] += window[k] * weights[i + k + 4];
                }
            }
            weights += 2 * size;
            for (int i = 0; i < 1 + both; ++i) {
                const int32_t sum = requantize(sums[i], op->multiplier[channel + i], op->shift[channel + i]);
                *out++ = clamped(sum + op->out_zero_point, op->least, op->most);
            }
        }
    }
}
