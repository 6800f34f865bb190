#pragma once
#include <stddef.h>
#include <stdint.h>

class HardwareSerial
{
  public:
    void begin(unsigned long baud);
    int read();
    size_t write(const uint8_t *bytes, size_t size);
};
extern HardwareSerial Serial;

unsigned long micros();
void setup();
void loop();
