/* SPDX-License-Identifier: Apache-2.0 */
/* RESIZE_NEAREST_NEIGHBOR of a 16-bit plane, one output row. The caller chose the input row; a table chooses the pixels. */

struct resize_nearest_neighbor_int16 {
    const int16_t *columns; /* [out_width], of the input */
    int16_t out_width, channels;
};

KERNEL void resize_nearest_neighbor_int16_row(const struct resize_nearest_neighbor_int16 *op, const int16_t *const *rows,
                                              int y, int16_t *out, void *scratch)
{
    const size_t channels = (size_t)op->channels;
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        memcpy(out, rows[0] + (size_t)op->columns[x] * channels, channels * sizeof *out);
        out += channels;
    }
}
