/* SPDX-License-Identifier: Apache-2.0 */
#include "frames_pio.h"

#include <string.h>

#include "camera.h"
#include "hardware/dma.h"
#include "hardware/gpio.h"
#include "hardware/pio.h"
#include "hardware/timer.h"

/* Longest wait for anything of the camera; at 1 frame a second one takes this long. */
#define LONGEST_US 2000000u

static struct {
    frames_pio_pins pins;
    PIO pio;
    uint sm, offset, dma;
    int begun;
} camera;

/* The program: a byte at each rising edge of PCLK while HREF is high; four make a word, the first one lowest.
 *
 *     0: wait 0 gpio PCLK
 *     1: wait 1 gpio PCLK
 *     2: jmp pin 4          ; HREF
 *     3: jmp 0
 *     4: in pins, 8         ; D0 to D7 */
static int load(void)
{
    const uint16_t lines[5] = {
        (uint16_t)pio_encode_wait_gpio(false, camera.pins.pclk), (uint16_t)pio_encode_wait_gpio(true, camera.pins.pclk),
        (uint16_t)pio_encode_jmp_pin(4), (uint16_t)pio_encode_jmp(0), (uint16_t)pio_encode_in(pio_pins, 8),
    };
    const struct pio_program program = {.instructions = lines, .length = 5, .origin = -1};
    if (!pio_can_add_program(camera.pio, &program)) {
        return 0;
    }
    camera.offset = (uint)pio_add_program(camera.pio, &program);
    return 1;
}

static void configure(void)
{
    const uint pins[3] = {camera.pins.pclk, camera.pins.href, camera.pins.vsync};
    pio_sm_config config = pio_get_default_sm_config();
    for (uint i = 0; i < 8; ++i) {
        gpio_init(camera.pins.d0 + i);
    }
    for (uint i = 0; i < 3; ++i) {
        gpio_init(pins[i]);
    }
    sm_config_set_wrap(&config, camera.offset, camera.offset + 4);
    sm_config_set_in_pins(&config, camera.pins.d0);
    sm_config_set_jmp_pin(&config, camera.pins.href);
    sm_config_set_in_shift(&config, true, true, 32);
    sm_config_set_fifo_join(&config, PIO_FIFO_JOIN_RX);
    pio_sm_init(camera.pio, camera.sm, camera.offset, &config);
}

int frames_pio_begin(const frames_pio_pins *pins)
{
    const int sm = pio_claim_unused_sm(pio0, false), dma = dma_claim_unused_channel(false);
    if (pins == NULL || sm < 0 || dma < 0) {
        return 0;
    }
    camera.pins = *pins;
    camera.pio = pio0;
    camera.sm = (uint)sm;
    camera.dma = (uint)dma;
    camera.begun = load();
    if (camera.begun) {
        configure();
    }
    return camera.begun;
}

/* Wait until a pin has a level; 0 if it never has. */
static int wait(uint pin, bool level)
{
    const uint32_t began = time_us_32();
    while (gpio_get(pin) != level) {
        if (time_us_32() - began > LONGEST_US) {
            return 0;
        }
    }
    return 1;
}

/* Let words flow from the state machine to `place` without the core. */
static void receive(uint8_t *place, size_t bytes)
{
    dma_channel_config config = dma_channel_get_default_config(camera.dma);
    channel_config_set_read_increment(&config, false);
    channel_config_set_write_increment(&config, true);
    channel_config_set_dreq(&config, pio_get_dreq(camera.pio, camera.sm, false));
    dma_channel_configure(camera.dma, &config, place, &camera.pio->rxf[camera.sm], bytes / 4, true);
}

/* Wait for the words of `receive`; 0 if they do not come, or if some before them had no room to wait. */
static int received(void)
{
    const uint32_t began = time_us_32(), stalled = 1u << (PIO_FDEBUG_RXSTALL_LSB + camera.sm);
    while (dma_channel_is_busy(camera.dma)) {
        if (time_us_32() - began > LONGEST_US) {
            dma_channel_abort(camera.dma);
            return 0;
        }
    }
    return (camera.pio->fdebug & stalled) == 0;
}

/* Begin with an empty state machine. */
static void start(void)
{
    pio_sm_set_enabled(camera.pio, camera.sm, false);
    pio_sm_clear_fifos(camera.pio, camera.sm);
    pio_sm_restart(camera.pio, camera.sm);
    pio_sm_exec(camera.pio, camera.sm, pio_encode_jmp(camera.offset));
    camera.pio->fdebug = 1u << (PIO_FDEBUG_RXSTALL_LSB + camera.sm); /* what is written as 1 is cleared */
    pio_sm_set_enabled(camera.pio, camera.sm, true);
}

static int frame_begins(void)
{
    return wait(camera.pins.vsync, true) && wait(camera.pins.vsync, false);
}

#if defined(FRAMES_HOLD_BUFFER)
#include "frames_get.h"

int camera_frame(uint8_t *pixels)
{
    int whole;
    if (!camera.begun || !frame_begins()) {
        return 0;
    }
    start();
    receive(pixels, (size_t)FRAMES_FRAME_HEIGHT * FRAMES_ROW_BYTES);
    whole = received();
    pio_sm_set_enabled(camera.pio, camera.sm, false);
    return whole;
}

frames_status frames_pio_get(uint8_t *pixels)
{
    static frames_state state; /* all zero is a valid beginning */
    return frames_get(&state, pixels);
}
#else
static uint8_t rows[2][FRAMES_ROW_BYTES] __attribute__((aligned(4)));

#if defined(FRAMES_HOLD_LIVE)
static frames_status veil(frames_state *state, unsigned y, uint8_t *row, void (*take)(unsigned y, const uint8_t *row))
{
    const frames_status status = frames_veil_row(state, y, row, FRAMES_ROW_BYTES);
    take(y, row);
    return status;
}
#else
static frames_status veil(frames_state *state, unsigned y, uint8_t *row, void (*take)(unsigned y, const uint8_t *row))
{
    static uint8_t finished[FRAMES_ROW_BYTES] __attribute__((aligned(4)));
    const frames_status status = frames_push_row(state, y, row, FRAMES_ROW_BYTES);
    unsigned which;
    while (frames_pop_row(state, &which, finished, sizeof finished) == FRAMES_OK) {
        take(which, finished);
    }
    return status;
}
#endif

frames_status frames_pio_frame(void (*take)(unsigned y, const uint8_t *row))
{
    static frames_state state; /* all zero is a valid beginning */
    frames_status status = FRAMES_OK;
    if (take == NULL) {
        return FRAMES_NULL;
    }
    if (!camera.begun || !frame_begins()) {
        (void)frames_frame_lost(&state);
        return FRAMES_OUT_OF_ORDER;
    }
    start();
    receive(rows[0], FRAMES_ROW_BYTES);
    for (unsigned y = 0; y < FRAMES_FRAME_HEIGHT; ++y) {
        if (!received()) {
            pio_sm_set_enabled(camera.pio, camera.sm, false);
            (void)frames_frame_lost(&state);
            return FRAMES_OUT_OF_ORDER;
        }
        if (y + 1 < FRAMES_FRAME_HEIGHT) {
            receive(rows[(y + 1) % 2], FRAMES_ROW_BYTES);
        }
        status = veil(&state, y, rows[y % 2], take);
    }
    pio_sm_set_enabled(camera.pio, camera.sm, false);
    return status;
}

/* A serial line is slower than any camera: row y is that of a frame of its own, so only a scene that keeps still is whole. */
int camera_row(int y, uint8_t *pixels)
{
    int whole;
    if (!camera.begun || !frame_begins()) {
        return 0;
    }
    for (int before = 0; before < y; ++before) {
        if (!wait(camera.pins.href, true) || !wait(camera.pins.href, false)) {
            return 0;
        }
    }
    start();
    receive(rows[0], FRAMES_ROW_BYTES);
    whole = received();
    pio_sm_set_enabled(camera.pio, camera.sm, false);
    memcpy(pixels, rows[0], FRAMES_ROW_BYTES);
    return whole;
}
#endif
