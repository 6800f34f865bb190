/* SPDX-License-Identifier: Apache-2.0 */
/* PAD of a 16-bit plane with zeros, one output row: the border first, then the input's row into it. */

struct pad_int16 {
    int16_t in_width, in_channels, out_width, out_channels;
    int16_t left, front; /* columns before the input's, channels before the input's */
};

KERNEL void pad_int16_row(const struct pad_int16 *op, const int16_t *const *rows, int y, int16_t *out, void *scratch)
{
    const size_t taken = (size_t)op->in_channels, given = (size_t)op->out_channels;
    (void)y;
    (void)scratch;
    memset(out, 0, (size_t)op->out_width * given * sizeof *out);
    out += (size_t)op->left * given + (size_t)op->front;
    for (int x = 0; rows[0] != NULL && x < op->in_width; ++x) {
        memcpy(out + (size_t)x * given, rows[0] + (size_t)x * taken, taken * sizeof *out);
    }
}
