/* SPDX-License-Identifier: Apache-2.0 */
/* The camera hook: where the board's own picture comes from. */
#ifndef CAMERA_H_
#define CAMERA_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fill in row y of a picture: pixels from left to right, a byte each channel (red, green, blue), 0 is black. Of firmware
 * that veils frames: a row as the camera writes it, in the frame's own format.
 *
 * Rows are asked for from the top, each once; row 0 begins a picture. Return 1, or 0 if there is no picture.
 * camera.c has a weak one that says there is no camera: write yours in a file of your own. */
int camera_row(int y, uint8_t *pixels);

/* Instead of it where firmware veils whole frames (--hold buffer): fill in all rows of a frame, one behind the other. */
int camera_frame(uint8_t *pixels);

#ifdef __cplusplus
}
#endif

#endif /* CAMERA_H_ */
