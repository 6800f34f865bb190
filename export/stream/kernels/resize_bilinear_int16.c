/* SPDX-License-Identifier: Apache-2.0 */
/* RESIZE_BILINEAR of a 16-bit plane, one output row, in 1/1024 of a pixel: a mean of two rows and two columns. */

struct resize_bilinear_int16 {
    int32_t row_step, row_start;       /* output row y lies at y * row_step + row_start of the input */
    int32_t column_step, column_start; /* and its pixel x at x * column_step + column_start */
    int16_t in_width, out_width, channels;
};

/* How far a place lies behind the pixel before it: 1 to 1024. */
static inline int32_t distance_int16(int32_t place)
{
    return ((place + 1023) & 1023) + 1;
}

/* rows: above and below the output row; one is null at the plane's edge, and the other one stands for both. */
KERNEL void resize_bilinear_int16_row(const struct resize_bilinear_int16 *op, const int16_t *const *rows, int y,
                                      int16_t *out, void *scratch)
{
    const int16_t *above = rows[0] != NULL ? rows[0] : rows[1];
    const int16_t *below = rows[1] != NULL ? rows[1] : rows[0];
    const int32_t down = distance_int16(y * op->row_step + op->row_start);
    (void)scratch;
    for (int x = 0; x < op->out_width; ++x) {
        const int32_t place = x * op->column_step + op->column_start;
        const int32_t across = distance_int16(place);
        const int right = (place + 1023) >> 10; /* place is more than -1024 */
        const int left_end = (right > 0 ? right - 1 : 0) * op->channels;
        const int right_end = (right < op->in_width ? right : op->in_width - 1) * op->channels;
        for (int channel = 0; channel < op->channels; ++channel) {
            const int32_t left = above[left_end + channel] * (1024 - down) + below[left_end + channel] * down;
            const int32_t sum_right = above[right_end + channel] * (1024 - down) + below[right_end + channel] * down;
            const int64_t sum = (int64_t)left * (1024 - across) + (int64_t)sum_right * across; /* 35 bits and the sign */
            /* Halves away from zero, and what is left of a division cut off: a shift rounds a negative sum down. */
            const int64_t size = (sum < 0 ? -sum : sum) + (1 << 19);
            *out++ = (int16_t)(sum < 0 ? -(int32_t)(size >> 20) : (int32_t)(size >> 20));
        }
    }
}
