/* SPDX-License-Identifier: Apache-2.0 */
/* CONCATENATION of 16-bit planes along the channels, one output row. */

struct concatenation_int16 {
    const int16_t *part_channels;
    int16_t parts, width;
};

KERNEL void concatenation_int16_row(const struct concatenation_int16 *op, const int16_t *const *rows, int y,
                                    int16_t *out, void *scratch)
{
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->width; ++x) {
        for (int part = 0; part < op->parts; ++part) {
            const size_t channels = (size_t)op->part_channels[part];
            memcpy(out, rows[part] + (size_t)x * channels, channels * sizeof *out);
            out += channels;
        }
    }
}
