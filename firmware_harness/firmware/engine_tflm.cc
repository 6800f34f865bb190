/* SPDX-License-Identifier: Apache-2.0 */
/* TensorFlow Lite Micro behind the same five functions: a whole picture goes in, and then comes out row by row. */
#include "engine.h"

#include <string.h>

#include "model.h"
#include "model_tflm.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"

#ifndef ARENA_BYTES
#define ARENA_BYTES model_tflm::kArenaBytes
#endif

/* Identifies this program where objects are registered to be destroyed at its end. The compiler's start files have it,
 * and bare metal links without them; weak, as an SDK may bring them after all. */
extern "C" {
__attribute__((weak)) void *__dso_handle = nullptr;
}

namespace {

alignas(16) uint8_t arena[ARENA_BYTES];
tflite::MicroInterpreter *interpreter;
int taken, given;
bool failed;

const uint8_t pixel_to_step[256] = ENGINE_PIXEL_TABLE;

/* Built when first needed, as the start-up code runs no constructors. */
bool ready()
{
    static model_tflm::OpResolver resolver;
    if (interpreter != nullptr) {
        return true;
    }
    tflite::InitializeTarget();
    if (model_tflm::RegisterOps(resolver) != kTfLiteOk) {
        return false;
    }
    static tflite::MicroInterpreter built(tflite::GetModel(model), resolver, arena, sizeof arena);
    if (built.AllocateTensors() != kTfLiteOk) {
        return false;
    }
    interpreter = &built;
    return true;
}

uint8_t *next_row()
{
    return interpreter->input(0)->data.uint8 + (size_t)taken * ENGINE_INPUT_ROW_BYTES;
}

engine_status row_is_in()
{
    if (++taken == ENGINE_INPUT_HEIGHT && interpreter->Invoke() != kTfLiteOk) {
        failed = true;
    }
    return failed ? ENGINE_FAILED : ENGINE_OK;
}

} // namespace

void engine_begin(void)
{
    failed = !ready();
    taken = given = 0;
}

engine_status engine_push(const uint8_t *row)
{
    if (failed || taken == ENGINE_INPUT_HEIGHT) {
        return ENGINE_FAILED;
    }
    memcpy(next_row(), row, ENGINE_INPUT_ROW_BYTES);
    return row_is_in();
}

engine_status engine_push_pixels(const uint8_t *pixels)
{
    if (failed || taken == ENGINE_INPUT_HEIGHT) {
        return ENGINE_FAILED;
    }
    uint8_t *row = next_row();
    for (size_t i = 0; i < ENGINE_INPUT_ROW_BYTES; ++i) {
        row[i] = pixel_to_step[pixels[i]];
    }
    return row_is_in();
}

engine_status engine_pop(uint8_t *row)
{
    if (failed || taken < ENGINE_INPUT_HEIGHT || given == ENGINE_OUTPUT_HEIGHT) {
        return ENGINE_NEED_ROW;
    }
    memcpy(row, interpreter->output(0)->data.uint8 + (size_t)given++ * ENGINE_OUTPUT_ROW_BYTES, ENGINE_OUTPUT_ROW_BYTES);
    return ENGINE_OK;
}

uint32_t engine_ram_bytes(void)
{
    return interpreter != nullptr ? (uint32_t)interpreter->arena_used_bytes() : 0;
}
