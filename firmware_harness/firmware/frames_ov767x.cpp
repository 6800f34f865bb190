/* SPDX-License-Identifier: Apache-2.0 */
#include "frames_ov767x.h"

#if defined(NRF52840_XXAA) && __has_include(<Arduino_OV767X.h>)
#include <Arduino_OV767X.h>

#include "camera.h"

static int camera_begun;
static volatile unsigned rows_passed; /* of this frame, whether they were read or not */

static void count_row()
{
    ++rows_passed;
}

void frames_ov767x_begin(int begun)
{
    camera_begun = begun;
    attachInterrupt(digitalPinToInterrupt(OV7670_HREF), count_row, FALLING);
}

static bool right_size()
{
    return camera_begun && Camera.width() == FRAMES_FRAME_WIDTH && Camera.height() == FRAMES_FRAME_HEIGHT &&
           Camera.width() * Camera.bytesPerPixel() == FRAMES_ROW_BYTES;
}

#if defined(FRAMES_HOLD_BUFFER)
#include "frames_get.h"

int camera_frame(uint8_t *pixels)
{
    if (!right_size()) {
        return 0;
    }
    Camera.readFrame(pixels);
    return 1;
}

frames_status frames_ov767x_get(uint8_t *pixels)
{
    static frames_state state; /* all zero is a valid beginning */
    return frames_get(&state, pixels);
}
#else
/* The library reads whole frames alone, so rows are read here, from the pins that it wires the camera to: the data lie on bits
 * 2, 3 and 10 to 15 of port 1. */
static const uint32_t LONGEST_POLLS = 1u << 24; /* some seconds: interrupts are off, and no clock runs */

struct Pin {
    volatile uint32_t *port;
    uint32_t mask;
};

static Pin pin_of(int number)
{
    const PinName name = digitalPinToPinName(number);
    return Pin{name < 32 ? &NRF_P0->IN : &NRF_P1->IN, 1u << (name % 32)};
}

static bool wait(const Pin &pin, bool level)
{
    for (uint32_t polls = 0; polls < LONGEST_POLLS; ++polls) {
        if (((*pin.port & pin.mask) != 0) == level) {
            return true;
        }
    }
    return false;
}

static bool frame_begins()
{
    const Pin vsync = pin_of(OV7670_VSYNC);
    const bool begins = wait(vsync, true) && wait(vsync, false);
    rows_passed = 0;
    return begins;
}

/* Row y: it begins when HREF rises, and each byte is there when PCLK does. Of a grey camera every second byte is colour.
 * False if that row passed already, in part or whole: then another one would be taken for it, beside its mask. */
static bool read_row(unsigned y, uint8_t *row)
{
    const Pin href = pin_of(OV7670_HREF), pclk = pin_of(OV7670_PLK);
    const int step = Camera.bytesPerPixel() == 1 ? 2 : 1, bytes = FRAMES_ROW_BYTES * step;
    bool whole = (*href.port & href.mask) == 0 && wait(href, true) && rows_passed == y;
    noInterrupts();
    for (int i = 0; whole && i < bytes; ++i) {
        whole = wait(pclk, false);
        const uint32_t bits = NRF_P1->IN;
        if (i % step == 0) {
            row[i / step] = (uint8_t)((bits >> 2 & 3) | (bits >> 8 & 0xFC));
        }
        whole = whole && wait(pclk, true);
    }
    interrupts();
    return whole && wait(href, false);
}

static uint8_t row[FRAMES_ROW_BYTES] __attribute__((aligned(4)));

#if defined(FRAMES_HOLD_LIVE)
static frames_status veil(frames_state *state, unsigned y, void (*take)(unsigned y, const uint8_t *row))
{
    const frames_status status = frames_veil_row(state, y, row, sizeof row);
    take(y, row);
    return status;
}
#else
static frames_status veil(frames_state *state, unsigned y, void (*take)(unsigned y, const uint8_t *row))
{
    static uint8_t finished[FRAMES_ROW_BYTES] __attribute__((aligned(4)));
    const frames_status status = frames_push_row(state, y, row, sizeof row);
    unsigned which;
    while (frames_pop_row(state, &which, finished, sizeof finished) == FRAMES_OK) {
        take(which, finished);
    }
    return status;
}
#endif

frames_status frames_ov767x_frame(void (*take)(unsigned y, const uint8_t *row))
{
    static frames_state state; /* all zero is a valid beginning */
    frames_status status = FRAMES_OK;
    if (take == NULL) {
        return FRAMES_NULL;
    }
    bool whole = right_size() && frame_begins();
    for (unsigned y = 0; whole && y < FRAMES_FRAME_HEIGHT; ++y) {
        whole = read_row(y, row);
        if (whole) {
            status = veil(&state, y, take);
        }
    }
    if (!whole) {
        (void)frames_frame_lost(&state);
        return FRAMES_OUT_OF_ORDER;
    }
    return status;
}

/* A serial line is slower than any camera: row y is that of a frame of its own, so only a scene that keeps still is whole. */
int camera_row(int y, uint8_t *pixels)
{
    const Pin href = pin_of(OV7670_HREF);
    bool whole = right_size() && frame_begins();
    for (int before = 0; whole && before < y; ++before) {
        whole = wait(href, true) && wait(href, false);
    }
    return whole && read_row((unsigned)y, pixels);
}
#endif
#endif
