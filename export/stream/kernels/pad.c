/* SPDX-License-Identifier: Apache-2.0 */
/* PAD, one output row: the border first, then the input's row into it. */

struct pad {
    int16_t in_width, in_channels, out_width, out_channels;
    int16_t left, front; /* columns before the input's, channels before the input's */
    int16_t value;
};

KERNEL void pad_row(const struct pad *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const size_t taken = (size_t)op->in_channels, given = (size_t)op->out_channels;
    (void)y;
    (void)scratch;
    memset(out, op->value, (size_t)op->out_width * given);
    out += (size_t)op->left * given + (size_t)op->front;
    if (rows[0] == NULL) {
        return;
    }
    if (taken == given) {
        memcpy(out, rows[0], (size_t)op->in_width * taken);
        return;
    }
    for (int x = 0; x < op->in_width; ++x) {
        memcpy(out + (size_t)x * given, rows[0] + (size_t)x * taken, taken);
    }
}
