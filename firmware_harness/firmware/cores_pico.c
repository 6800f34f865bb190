/* SPDX-License-Identifier: Apache-2.0 */
/* The second core with the Pico SDK, of an RP2040 or an RP2350. */
#include "cores.h"

#include "pico/multicore.h"

void cores_start(void)
{
    multicore_launch_core1_with_stack(cores_serve, cores_stack, cores_stack_bytes);
}
