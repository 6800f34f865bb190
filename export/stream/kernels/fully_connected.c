/* SPDX-License-Identifier: Apache-2.0 */
/* FULLY_CONNECTED on the channels of each pixel, one output row.
 *
 * LiteRT's reference kernel of this op rounds once, halves up; that of convolutions rounds twice (see common.h). */

#include "common.h"

struct fully_connected {
    const int8_t *weights; /* [out_channels][in_channels] */
    const int32_t *bias;   /* [out_channels], the input's zero point folded in */
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t out_zero_point, least, most;
    int16_t width, in_channels, out_channels;
};

KERNEL void fully_connected_row(const struct fully_connected *op, const int8_t *const *rows, int y, int8_t *out,
                                void *scratch)
{
    const int8_t *pixel = rows[0];
    (void)y;
    (void)scratch;
    for (int x = 0; x < op->width; ++x) {
        const int8_t *weights = op->weights;
        for (int channel = 0; channel < op->out_channels; ++channel) {
            const int right = 31 - op->shift[channel];
            int32_t sum = op->bias[channel];
            int64_t product;
            for (int i = 0; i < op->in_channels; ++i) {
                sum += pixel[i] * weights[i];
            }
            weights += op->in_channels;
            product = (int64_t)sum * op->multiplier[channel] + ((int64_t)1 << (right - 1));
            /* An arithmetic shift, as every compiler has it. */
            *out++ = clamped((int32_t)(product >> right) + op->out_zero_point, op->least, op->most);
        }
        pixel += op->in_channels;
    }
}
