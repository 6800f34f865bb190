/* SPDX-License-Identifier: Apache-2.0 */
/* LOGISTIC and TANH of a 16-bit plane, one output row: between two values of one table, the logistic curve from 0 on.
 *
 * As in tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h and tanh.h; tanh(x) is
 * 2 * logistic(2 * x) - 1. */

#include "common_int16.h"

struct lookup_int16 {
    const uint16_t *curve; /* [256], in 1/65536 */
    int32_t size;          /* numbers of a row */
    int32_t multiplier;    /* brings numbers to the places of the curve, with the shift */
    int8_t shift;
    int8_t fraction; /* bits between two places: 9 for LOGISTIC, 8 for TANH */
    int8_t twice;    /* TANH */
};

KERNEL void lookup_int16_row(const struct lookup_int16 *op, const int16_t *const *rows, int y, int16_t *restrict out,
                             void *scratch)
{
    const int32_t round = op->shift > 0 ? (int32_t)1 << (op->shift - 1) : 0;
    const int fraction = op->fraction;
    (void)y;
    (void)scratch;
    for (int32_t i = 0; i < op->size; ++i) {
        const int32_t place = (rows[0][i] * op->multiplier + round) >> op->shift;
        const int32_t far = place < 0 ? -place : place;
        const int32_t cell = far >> fraction;
        int32_t value = (op->twice ? 0xFFFF : 0x7FFF << 1) << fraction; /* beyond the curve */
        if (cell < 255) {
            const int32_t before = op->curve[cell], behind = op->curve[cell + 1];
            value = before * (1 << fraction) + (far & ((1 << fraction) - 1)) * (behind - before);
        }
        if (op->twice) {
            const int32_t middle = 1 << 23;
            value = place >= 0 ? value - middle + 128 : middle - value + 127;
            out[i] = (int16_t)(value >> 8);
        } else {
            value = place >= 0 ? value + 512 : (1 << 25) - value + 511;
            out[i] = (int16_t)(value >> 10);
        }
    }
}
