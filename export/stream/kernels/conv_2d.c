/* CONV_2D, one output row. The window of each pixel is gathered once, with the input's zero point where it hangs over
 * the border, and then every output channel is one long sum of products: the bias has the zero point folded in. */

struct conv_2d {
    const int8_t *weights; /* [out_channels][kernel_h][kernel_w][in_channels] */
    const int32_t *bias;   /* [out_channels], less in_zero_point times the channel's weights */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    const int16_t *part_channels; /* the input's planes, side by side */
    int16_t parts;
    int16_t in_width, in_channels;
    int16_t in_zero_point;
    int16_t out_width, out_channels;
    int16_t kernel_h, kernel_w, stride, dilation, pad_left;
};

/* rows: [parts][kernel_h], null where a row is padding. */
static inline void gather_window(const struct conv_2d *op, const int8_t *const *rows, int left, int8_t *window)
{
    for (int ky = 0; ky < op->kernel_h; ++ky) {
        for (int kx = 0; kx < op->kernel_w; ++kx) {
            const int x = left + kx * op->dilation;
            for (int part = 0; part < op->parts; ++part) {
                const int8_t *row = rows[part * op->kernel_h + ky];
                const size_t channels = (size_t)op->part_channels[part];
                if (row == NULL || x < 0 || x >= op->in_width) {
                    memset(window, op->in_zero_point, channels);
                } else {
                    memcpy(window, row + (size_t)x * channels, channels);
                }
                window += channels;
            }
        }
    }
}

KERNEL void conv_2d_row(const struct conv_2d *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int size = op->kernel_h * op->kernel_w * op->in_channels;
    int8_t *window = scratch;
    (void)y;
    for (int x = 0; x < op->out_width; ++x) {
        const int8_t *weights = op->weights;
        gather_window(op, rows, x * op->stride - op->pad_left, window);
        for (int channel = 0; channel < op->out_channels; ++channel) {
            int32_t sum = op->bias[channel];
            for (int i = 0; i < size; ++i) {
                sum += window[i] * weights[i];
            }
            weights += size;
            sum = requantize(sum, op->multiplier[channel], op->shift[channel]) + op->out_zero_point;
            *out++ = clamped(sum, op->least, op->most);
        }
    }
}
