/* SPDX-License-Identifier: Apache-2.0 */
/* An op that is nothing but its table: a copy, and the caller looks every byte up. */

struct lookup {
    int32_t size;
};

KERNEL void lookup_row(const struct lookup *op, const int8_t *const *rows, int y, int8_t *out, void *scratch)
{
    (void)y;
    (void)scratch;
    memcpy(out, rows[0], (size_t)op->size);
}
