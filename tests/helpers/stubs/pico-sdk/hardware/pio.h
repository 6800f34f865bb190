/* As much of the Pico SDK's hardware_pio as frames_pio.c uses. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pico/types.h"

typedef struct {
    uint32_t fdebug;
    uint32_t rxf[4];
} pio_hw_t;
typedef pio_hw_t *PIO;
typedef struct {
    uint32_t clkdiv, execctrl, shiftctrl, pinctrl;
} pio_sm_config;
struct pio_program {
    const uint16_t *instructions;
    uint8_t length;
    int8_t origin;
};
enum pio_src_dest { pio_pins = 0 };
enum pio_fifo_join { PIO_FIFO_JOIN_RX = 2 };
#define PIO_FDEBUG_RXSTALL_LSB 0
extern pio_hw_t pio0_hw;
#define pio0 (&pio0_hw)

uint pio_encode_wait_gpio(bool polarity, uint gpio);
uint pio_encode_jmp_pin(uint addr);
uint pio_encode_jmp(uint addr);
uint pio_encode_in(enum pio_src_dest src, uint count);
bool pio_can_add_program(PIO pio, const struct pio_program *program);
int pio_add_program(PIO pio, const struct pio_program *program);
int pio_claim_unused_sm(PIO pio, bool required);
pio_sm_config pio_get_default_sm_config(void);
void sm_config_set_wrap(pio_sm_config *c, uint wrap_target, uint wrap);
void sm_config_set_in_pins(pio_sm_config *c, uint in_base);
void sm_config_set_jmp_pin(pio_sm_config *c, uint pin);
void sm_config_set_in_shift(pio_sm_config *c, bool shift_right, bool autopush, uint push_threshold);
void sm_config_set_fifo_join(pio_sm_config *c, enum pio_fifo_join join);
int pio_sm_init(PIO pio, uint sm, uint initial_pc, const pio_sm_config *config);
void pio_sm_set_enabled(PIO pio, uint sm, bool enabled);
void pio_sm_clear_fifos(PIO pio, uint sm);
void pio_sm_restart(PIO pio, uint sm);
void pio_sm_exec(PIO pio, uint sm, uint instr);
uint pio_get_dreq(PIO pio, uint sm, bool is_tx);
