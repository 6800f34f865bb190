/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware for measuring: all pictures that the port has, one after the other, and what they took. */
#include "infer.h"
#include "port.h"
#include "stack.h"
#include "timer.h"

#ifdef CORES
#include "cores.h"
#endif

#ifdef MODEL_TRACE
#include "model.h"

static uint64_t node_ticks[MODEL_TRACE];

void model_trace(unsigned node, int made);

void model_trace(unsigned node, int made)
{
    static timer_ticks before;
    if (made) {
        node_ticks[node] += (timer_ticks)(timer_now() - before);
    }
    before = timer_now();
}
#endif

static void calibrate(void)
{
    const timer_ticks before = timer_now();
    calibration_loop(CALIBRATION_ROUNDS);
    port_report("calibration_ticks", (timer_ticks)(timer_now() - before));
    port_report("calibration_instructions", CALIBRATION_INSTRUCTIONS);
}

int main(void)
{
    infer_status status;
    uint64_t ticks;
    port_begin();
    timer_begin();
    calibrate();
    while ((status = infer(&ticks)) == INFER_DONE) {
        port_report("frame", ticks);
    }
#ifdef MODEL_TRACE
    for (unsigned node = 0; node < MODEL_TRACE; ++node) {
        port_report("node", node_ticks[node]);
    }
#endif
    port_report("ram", infer_ram_bytes());
    port_report("stack", stack_peak());
#ifdef CORES
    port_report("second_stack", cores_stack_peak());
#endif
    port_report("end", (uint64_t)status);
    return 0;
}
