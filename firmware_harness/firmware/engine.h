/* SPDX-License-Identifier: Apache-2.0 */
/* The model behind a few functions, row by row, whatever computes it and whatever brings the rows. */
#ifndef ENGINE_H_
#define ENGINE_H_

#include <stdint.h>

#include "model_info.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum engine_status {
    ENGINE_OK,
    ENGINE_NEED_ROW,  /* pop: the next row needs more of the picture */
    ENGINE_ROW_READY, /* push: a finished row waits, and the new one was not taken */
    ENGINE_FAILED
} engine_status;

/* Start a picture, whatever became of the last one. */
void engine_begin(void);

/* Take in the next row: ENGINE_INPUT_ROW_BYTES of the model's own numbers. */
engine_status engine_push(const uint8_t *row);

/* The same of pixels, a byte each channel, as cameras give them. */
engine_status engine_push_pixels(const uint8_t *pixels);

#ifdef ENGINE_FRAMES
/* Forget all frames before: without it a frame follows the one that came last. */
void engine_forget(void);
#endif
#ifdef ENGINE_FRAME_BUFFER
/* Where a frame lies until its last row came: ENGINE_INPUT_HEIGHT rows of ENGINE_INPUT_ROW_BYTES. */
uint8_t *engine_frame(void);
#endif

/* Give out the next finished row: ENGINE_OUTPUT_ROW_BYTES of the model's own numbers, to an address divisible by 4. */
engine_status engine_pop(uint8_t *row);

#ifdef ENGINE_OUTPUTS
/* How long the row is that engine_pop gave out last: each output has rows of its own, which take turns in the same order for
 * every picture. ENGINE_OUTPUT_ROW_BYTES is the longest. */
uint32_t engine_popped_bytes(void);
#endif

/* Writable bytes that the engine took so far, without stack. */
uint32_t engine_ram_bytes(void);

#ifdef __cplusplus
}
#endif

#endif /* ENGINE_H_ */
