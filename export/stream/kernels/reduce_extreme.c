/* SPDX-License-Identifier: Apache-2.0 */
/* REDUCE_MAX and REDUCE_MIN, one output row, over rows, columns, channels or any of them. */
struct reduce_extreme {
    int16_t rows, width, channels; /* of the input; one row unless the height is reduced */
    int8_t over_width, over_channels;
    int8_t largest; /* 1 for REDUCE_MAX */
};

KERNEL void reduce_extreme_row(const struct reduce_extreme *op, const int8_t *const *rows, int y, int8_t *out,
                               void *scratch)
{
    const int columns = op->over_width ? 1 : op->width, planes = op->over_channels ? 1 : op->channels;
    (void)y;
    (void)scratch;
    for (int x = 0; x < columns; ++x) {
        for (int channel = 0; channel < planes; ++channel) {
            int8_t extreme = rows[0][x * op->channels + channel];
            for (int r = 0; r < op->rows; ++r) {
                for (int i = 0; i < (op->over_width ? op->width : 1); ++i) {
                    const int8_t *pixel = rows[r] + (x + i) * op->channels + channel;
                    for (int c = 0; c < (op->over_channels ? op->channels : 1); ++c) {
                        if ((pixel[c] > extreme) == (op->largest != 0)) {
                            extreme = pixel[c];
                        }
                    }
                }
            }
            *out++ = extreme;
        }
    }
}
