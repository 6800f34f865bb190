/* SPDX-License-Identifier: Apache-2.0 */
/* SPACE_TO_DEPTH, one output row: `block` pixels side by side of each input row become a slice of a pixel's channels. */

struct space_to_depth {
    int16_t out_width, in_channels, block;
};

KERNEL void space_to_depth_row(const struct space_to_depth *op, const int8_t *const *rows, int y, int8_t *out,
                               void *scratch)
{
    const size_t slice = (size_t)op->block * (size_t)op->in_channels;
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        for (int i = 0; i < op->block; ++i) {
            memcpy(out, rows[i] + (size_t)x * slice, slice);
            out += slice;
        }
    }
}
