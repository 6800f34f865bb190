/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a camera with a parallel bus (OV7670, OV2640, ...) on a Pico, through a PIO and DMA, veiled before anybody else
 * sees them. In main_serial.c, behind platform_begin(), with the numbers of your own wires:
 *
 *     static const frames_pio_pins pins = {.d0 = 6, .pclk = 14, .href = 15, .vsync = 16};
 *     sensor_begin();
 *     frames_pio_begin(&pins);
 *
 * sensor_begin is yours to write: the sensor's clock, and its registers for frames of FRAMES_FRAME_WIDTH x FRAMES_FRAME_HEIGHT.
 * Then `edgeblur run MODEL --port PORT --camera picture.png` shows veiled frames. In a product, a loop of frames_pio_get or
 * frames_pio_frame takes the serial line's place. */
#ifndef FRAMES_PIO_H_
#define FRAMES_PIO_H_

#include "frames.h"

#ifdef __cplusplus
extern "C" {
#endif

/* GPIO numbers. D0 to D7 are eight in a row. HREF is high while bytes of a row come, and each is there at PCLK's rising edge;
 * a frame begins when VSYNC falls. */
typedef struct frames_pio_pins {
    unsigned d0, pclk, href, vsync;
} frames_pio_pins;

/* Claim a state machine and a DMA channel. 1, or 0 if none is left. Afterwards `edgeblur run --port --camera` shows frames. */
int frames_pio_begin(const frames_pio_pins *pins);

#if defined(FRAMES_HOLD_BUFFER)
/* Take the camera's next frame into `pixels` (FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES, at an address divisible by 4), and veil
 * it there. FRAMES_WRONG_SIZE: it did not come whole, and all of `pixels` is grey. */
frames_status frames_pio_get(uint8_t *pixels);
#else
/* Take the camera's next frame row by row, and hand each one on as it leaves the veil; `row` is good during the call. The next
 * row comes in meanwhile. FRAMES_OUT_OF_ORDER: what was done with a row took longer than the camera's next one, or rows did not
 * come; everything is grey until the next whole frame. Slow the camera's clock down until it does not happen. */
frames_status frames_pio_frame(void (*take)(unsigned y, const uint8_t *row));
#endif

#ifdef __cplusplus
}
#endif

#endif /* FRAMES_PIO_H_ */
