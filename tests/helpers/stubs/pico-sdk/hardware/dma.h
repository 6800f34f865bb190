/* As much of the Pico SDK's hardware_dma as frames_pio.c uses. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "pico/types.h"

typedef struct {
    uint32_t ctrl;
} dma_channel_config;

int dma_claim_unused_channel(bool required);
dma_channel_config dma_channel_get_default_config(uint channel);
void channel_config_set_read_increment(dma_channel_config *c, bool incr);
void channel_config_set_write_increment(dma_channel_config *c, bool incr);
void channel_config_set_dreq(dma_channel_config *c, uint dreq);
void dma_channel_configure(uint channel, const dma_channel_config *config, volatile void *write_addr,
                           const volatile void *read_addr, uint32_t encoded_transfer_count, bool trigger);
bool dma_channel_is_busy(uint channel);
void dma_channel_abort(uint channel);
