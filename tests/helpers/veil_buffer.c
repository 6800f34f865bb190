/* A veil of whole frames whose finder sees no face: wrong strides, null pointers, damaged state, lost frames. */
#include <stdio.h>
#include <string.h>

#include "model.h"

#define STRIDE (MODEL_ROW_BYTES + 3u)

static model_state state;
static uint8_t frame[MODEL_FRAME_HEIGHT * STRIDE], painted[sizeof frame];

static model_status blur(size_t stride)
{
    memcpy(frame, painted, sizeof frame);
    return model_blur_frame(&state, frame, stride);
}

/* Bytes of the frame's pixels that are as they were. */
static unsigned clear_bytes(size_t stride)
{
    unsigned clear = 0;
    for (unsigned y = 0; y < MODEL_FRAME_HEIGHT; ++y) {
        for (unsigned i = 0; i < MODEL_ROW_BYTES && i < stride; ++i) {
            clear += frame[y * stride + i] == painted[y * stride + i];
        }
    }
    return clear;
}

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            return 1; \
        } \
    } while (0)

int main(void)
{
    const unsigned whole = MODEL_FRAME_HEIGHT * MODEL_ROW_BYTES;
    for (unsigned i = 0; i < sizeof painted; ++i) {
        painted[i] = (uint8_t)(i % 100u);
    }
    CHECK(model_self_test(&state, frame) == MODEL_OK);
    CHECK(blur(STRIDE) == MODEL_OK && clear_bytes(STRIDE) == whole);
    memset(&state, 0xA5, sizeof state);
    CHECK(blur(STRIDE) == MODEL_DAMAGED && clear_bytes(STRIDE) == 0); /* never begun */
    CHECK(blur(STRIDE) == MODEL_OK && clear_bytes(STRIDE) == whole);
    for (unsigned y = 0; y < MODEL_FRAME_HEIGHT; ++y) { /* what lies between the rows is not touched */
        CHECK(memcmp(frame + y * STRIDE + MODEL_ROW_BYTES, painted + y * STRIDE + MODEL_ROW_BYTES, 3) == 0);
    }
    CHECK(blur(MODEL_ROW_BYTES - 1u) == MODEL_WRONG_SIZE && clear_bytes(MODEL_ROW_BYTES - 1u) == 0);
    CHECK(blur(MODEL_ROW_BYTES) == MODEL_OK && clear_bytes(MODEL_ROW_BYTES) == whole);
    memcpy(frame, painted, sizeof frame);
    CHECK(model_blur_frame(NULL, frame, STRIDE) == MODEL_NULL && clear_bytes(STRIDE) == 0);
    CHECK(model_blur_frame(&state, NULL, STRIDE) == MODEL_NULL);
    CHECK(model_frame_lost(&state) == MODEL_BLIND && model_frame_lost(NULL) == MODEL_NULL);
    CHECK(model_begin(&state) == MODEL_OK && model_begin(NULL) == MODEL_NULL);
    for (size_t i = offsetof(model_state, held); i < sizeof state; ++i) { /* every byte that lives between frames */
        model_status status;
        ((uint8_t *)&state)[i] ^= 0x20u;
        status = blur(STRIDE);
        if (i < offsetof(model_state, means) || i >= offsetof(model_state, squares)) { /* means are made anew */
            CHECK(status == MODEL_DAMAGED || clear_bytes(STRIDE) == whole);
            CHECK(status == MODEL_DAMAGED ? clear_bytes(STRIDE) == 0 : 1);
        }
        CHECK(blur(STRIDE) == MODEL_OK && clear_bytes(STRIDE) == whole);
    }
    return 0;
}
