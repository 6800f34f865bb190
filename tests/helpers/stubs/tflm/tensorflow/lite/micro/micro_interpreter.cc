/* A stand-in: its "inference" turns every other bit of each byte. */
#include "tensorflow/lite/micro/micro_interpreter.h"

#include "tensorflow/lite/micro/system_setup.h"

namespace tflite {
void InitializeTarget() {}

MicroInterpreter::MicroInterpreter(const Model*, const MicroOpResolver& resolver, uint8_t* arena, size_t size)
    : resolver_(resolver), half_(size / 2) {
  tensors_[0].data.uint8 = arena;
  tensors_[1].data.uint8 = arena + half_;
}

MicroInterpreter::~MicroInterpreter() { half_ = 0; }

TfLiteStatus MicroInterpreter::AllocateTensors() {
  return resolver_.registered > 0 && 2 * half_ >= arena_used_bytes() ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus MicroInterpreter::Invoke() {
  for (size_t i = 0; i < half_; ++i) {
    tensors_[1].data.uint8[i] = tensors_[0].data.uint8[i] ^ 0x55;
  }
  return kTfLiteOk;
}

TfLiteTensor* MicroInterpreter::input(size_t) { return &tensors_[0]; }
TfLiteTensor* MicroInterpreter::output(size_t) { return &tensors_[1]; }
}  // namespace tflite
