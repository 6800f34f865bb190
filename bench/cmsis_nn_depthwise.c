/* SPDX-License-Identifier: Apache-2.0 */
/* One call of CMSIS-NN's depthwise convolution, 3x3 over 32x32 pixels of 8 channels, between two readings of the counter. */
#include "arm_nnfunctions.h"
#include "port.h"
#include "timer.h"

enum { SIDE = 32, CHANNELS = 8, TAPS = 9, BUFFER_BYTES = 8192 };

static int8_t input[SIDE * SIDE * CHANNELS], output[SIDE * SIDE * CHANNELS], weights[TAPS * CHANNELS], buffer[BUFFER_BYTES];
static int32_t bias[CHANNELS], multiplier[CHANNELS], shift[CHANNELS];

int main(void)
{
    const cmsis_nn_dims plane = {1, SIDE, SIDE, CHANNELS}, filter = {1, 3, 3, CHANNELS}, each = {1, 1, 1, CHANNELS};
    const cmsis_nn_dw_conv_params how = {.input_offset = 3, .output_offset = -3, .ch_mult = 1, .stride = {1, 1},
                                         .padding = {1, 1}, .dilation = {1, 1}, .activation = {-128, 127}};
    const cmsis_nn_per_channel_quant_params scaling = {multiplier, shift};
    const int32_t size = arm_depthwise_conv_wrapper_s8_get_buffer_size(&how, &plane, &filter, &plane);
    const cmsis_nn_context context = {buffer, size};
    for (unsigned i = 0; i < sizeof input; ++i) {
        input[i] = (int8_t)(i * 37u);
    }
    for (unsigned i = 0; i < sizeof weights; ++i) {
        weights[i] = (int8_t)(i * 53u);
    }
    for (int i = 0; i < CHANNELS; ++i) {
        bias[i] = 100 * i;
        multiplier[i] = 1500000000;
        shift[i] = -8;
    }
    port_begin();
    port_report("buffer", (uint64_t)size);
    if (size > BUFFER_BYTES) {
        return 1;
    }
    timer_begin();
    const timer_ticks before = timer_now();
    const arm_cmsis_nn_status status = arm_depthwise_conv_wrapper_s8(&context, &how, &scaling, &plane, input, &filter, weights,
                                                                     &each, bias, &plane, output);
    const timer_ticks ticks = timer_now() - before;
    if (status == ARM_CMSIS_NN_SUCCESS) {
        port_report("ticks", ticks);
    }
    return 0;
}
