/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware that serves a model over a serial line. */
#include "platform.h"
#include "protocol.h"

int main(void)
{
    platform_begin();
    for (;;) {
        const int byte = platform_read_byte();
        if (byte >= 0) {
            protocol_take((uint8_t)byte);
        }
    }
}
