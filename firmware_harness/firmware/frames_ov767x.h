/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of Arduino's library for OV7670 and OV7675, veiled before anybody else sees them.
 *
 * A sketch on an Arduino Nano 33 BLE, wired as the library says:
 *
 *     #include <Arduino_OV767X.h>
 *     #include <edgeblur.h>
 *     void setup() { platform_begin(); frames_ov767x_begin(Camera.begin(QVGA, RGB565, 1)); }
 *
 * Without the library, or on another chip, frames_ov767x.cpp is empty. */
#ifndef FRAMES_OV767X_H_
#define FRAMES_OV767X_H_

#include "frames.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What Camera.begin answered. Afterwards `edgeblur run --port --camera` shows frames. */
void frames_ov767x_begin(int begun);

#if defined(FRAMES_HOLD_BUFFER)
/* Take the camera's next frame into `pixels` (FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES), and veil it there. FRAMES_WRONG_SIZE: the
 * camera was begun with another size or format, and all of `pixels` is grey. */
frames_status frames_ov767x_get(uint8_t *pixels);
#else
/* Take the camera's next frame row by row, and hand each one on as it leaves the veil; `row` is good during the call.
 * FRAMES_OUT_OF_ORDER: a row passed while the one before was veiled; everything is grey until the next whole frame. One frame
 * a second is the camera's slowest. */
frames_status frames_ov767x_frame(void (*take)(unsigned y, const uint8_t *row));
#endif

#ifdef __cplusplus
}
#endif

#endif /* FRAMES_OV767X_H_ */
