/* SPDX-License-Identifier: Apache-2.0 */
/* DEPTH_TO_SPACE, one output row: a slice of each input pixel's channels becomes `block` pixels side by side. */

struct depth_to_space {
    int16_t in_width, out_channels, block;
};

KERNEL void depth_to_space_row(const struct depth_to_space *op, const int8_t *const *rows, int y, int8_t *out,
                               void *scratch)
{
    const size_t slice = (size_t)op->block * (size_t)op->out_channels;
    (void)scratch;
    for (int x = 0; x < op->in_width; ++x) {
        memcpy(out, rows[0] + (size_t)(x * op->block + y % op->block) * slice, slice);
        out += slice;
    }
}
