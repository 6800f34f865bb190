/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of an STM32's camera interface (DCMI), veiled before anybody else sees them.
 *
 * For projects of STM32CubeMX: take the files of this folder that begin with "frames" into yours, and "camera.h". CubeMX sets
 * up DCMI, its DMA (words on both sides, peripheral to memory) and the sensor's clock, and writes main.h; the sensor itself is
 * set up by you, for frames of FRAMES_FRAME_WIDTH x FRAMES_FRAME_HEIGHT. Where there is no main.h, frames_dcmi.c is empty. */
#ifndef FRAMES_DCMI_H_
#define FRAMES_DCMI_H_

#include "frames.h"
#include "main.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The size of a frame; `pixels` of frames_dcmi_get lies at an address that FRAMES_DCMI_ALIGNED divides (a cache's line). */
#define FRAMES_DCMI_BYTES (FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES)
#define FRAMES_DCMI_ALIGNED 32

/* Take the camera's next frame into `pixels`, and veil it there. FRAMES_WRONG_SIZE: it did not come whole within so many
 * milliseconds, or DCMI reported a fault, and all of `pixels` is grey; so it stays until the next whole frame. */
frames_status frames_dcmi_get(DCMI_HandleTypeDef *dcmi, uint8_t *pixels, uint32_t timeout_ms);

/* Where `edgeblur run --port --camera` takes frames from; null, as at first, is for none. */
void frames_dcmi_begin(DCMI_HandleTypeDef *dcmi);

#ifdef __cplusplus
}
#endif

#endif /* FRAMES_DCMI_H_ */
