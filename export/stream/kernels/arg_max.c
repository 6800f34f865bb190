/* SPDX-License-Identifier: Apache-2.0 */
/* ARG_MAX and ARG_MIN over the channels of each pixel, one output row of numbers of 4 or 8 bytes. */
struct arg_max {
    int16_t width, channels; /* of the input */
    int8_t number_bytes;
    int8_t largest; /* 1 for ARG_MAX */
};

KERNEL void arg_max_row(const struct arg_max *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    const int8_t *pixel = rows[0];
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->width; ++x) {
        int32_t best = 0;
        int64_t wide;
        for (int c = 1; c < op->channels; ++c) {
            if (op->largest ? pixel[c] > pixel[best] : pixel[c] < pixel[best]) {
                best = c;
            }
        }
        wide = best;
        if (op->number_bytes == 4) {
            memcpy(out, &best, sizeof best);
        } else {
            memcpy(out, &wide, sizeof wide);
        }
        out += op->number_bytes;
        pixel += op->channels;
    }
}
