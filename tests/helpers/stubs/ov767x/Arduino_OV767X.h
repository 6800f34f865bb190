/* As much of Arduino_OV767X 1.0 and of Arduino's core for the nRF52840 as frames_ov767x.cpp uses. */
#pragma once
#include <stdint.h>

#define OV7670_VSYNC 8
#define OV7670_HREF 15
#define OV7670_PLK 14
#define FALLING 3

enum PinName : int { P0_0 = 0, P1_0 = 32 };
struct NRF_GPIO_Type {
    volatile uint32_t IN;
};
extern NRF_GPIO_Type *NRF_P0, *NRF_P1;

PinName digitalPinToPinName(int pin);
int digitalPinToInterrupt(int pin);
void attachInterrupt(int pin, void (*callback)(), int mode);
void interrupts();
void noInterrupts();

class OV767X
{
  public:
    int width() const;
    int height() const;
    int bytesPerPixel() const;
    void readFrame(void *buffer);
};
extern OV767X Camera;
