/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the model over Serial: `edgeblur run MODEL --port PORT` sends pictures and gets them back. */
#include <Arduino.h>
#include <edgeblur.h>

void setup()
{
    platform_begin();
}

void loop()
{
    const int byte = platform_read_byte();
    if (byte >= 0) {
        protocol_take((uint8_t)byte);
    }
}

/* A camera: take this in, and fill in row y of a picture (red, green, blue; a byte each) from yours.
 *
 *     extern "C" int camera_row(int y, uint8_t *pixels)
 *     {
 *         return 1;
 *     }
 */
