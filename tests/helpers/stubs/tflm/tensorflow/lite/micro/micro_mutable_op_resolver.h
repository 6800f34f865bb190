#pragma once
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {
class MicroOpResolver {
 public:
  int registered = 0;
};

template <unsigned count>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddTransposeConv() { return Add(); }
  TfLiteStatus AddConcatenation() { return Add(); }
  TfLiteStatus AddMaxPool2D() { return Add(); }
  TfLiteStatus AddLogistic() { return Add(); }

 private:
  TfLiteStatus Add() { return ++registered <= static_cast<int>(count) ? kTfLiteOk : kTfLiteError; }
};
}  // namespace tflite
