/* SPDX-License-Identifier: Apache-2.0 */
/* esp32-camera's frames, veiled before anybody else sees them. Once esp_camera_init was called, `edgeblur run --port
 * --camera` shows them as well. */
#ifndef FRAMES_ESP32_CAMERA_H_
#define FRAMES_ESP32_CAMERA_H_

#include "esp_camera.h"
#include "frames.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The camera's next frame, veiled in place; null if there is none. *status, if not null, says how it went. */
camera_fb_t *frames_fb_get(frames_status *status);

#ifdef __cplusplus
}
#endif

#endif /* FRAMES_ESP32_CAMERA_H_ */
