/* SPDX-License-Identifier: Apache-2.0 */
/* MEAN and SUM, one output row, over rows, columns, channels or any of them: a sum, looked up in a staircase. */
struct reduce_sum {
    const int32_t *sums; /* [stairs], ascending: from this sum on ... */
    const int8_t *steps; /* [stairs]: ... the output is this; no sum lies below the first */
    int16_t stairs;
    int16_t rows, width, channels; /* of the input; one row unless the height is reduced */
    int8_t over_width, over_channels;
};

KERNEL void reduce_sum_row(const struct reduce_sum *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int columns = op->over_width ? 1 : op->width, planes = op->over_channels ? 1 : op->channels;
    (void)y;
    (void)scratch;
    for (int x = 0; x < columns; ++x) {
        for (int channel = 0; channel < planes; ++channel) {
            int32_t sum = 0;
            int first = 0, last = op->stairs - 1;
            for (int r = 0; r < op->rows; ++r) {
                for (int i = 0; i < (op->over_width ? op->width : 1); ++i) {
                    const int8_t *pixel = rows[r] + (x + i) * op->channels + channel;
                    for (int c = 0; c < (op->over_channels ? op->channels : 1); ++c) {
                        sum += pixel[c];
                    }
                }
            }
            while (first < last) { /* the last stair that begins at the sum or below */
                const int middle = (first + last + 1) / 2;
                if (op->sums[middle] <= sum) {
                    first = middle;
                } else {
                    last = middle - 1;
                }
            }
            *out++ = op->steps[first];
        }
    }
}
