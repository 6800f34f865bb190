/* SPDX-License-Identifier: Apache-2.0 */
/* What the serial firmware asks of its board; one file a board's ecosystem implements it (platform_*.c). */
#ifndef PLATFORM_H_
#define PLATFORM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called once, first. */
void platform_begin(void);

/* The next byte that came from the host, or -1 if there is none now. */
int platform_read_byte(void);

/* Send a byte to the host; platform_flush follows after the last one of an answer. */
void platform_write_byte(uint8_t byte);
void platform_flush(void);

/* A counter whose differences are right across its wrap-around, and its frequency; 0 if that is not known. */
uint32_t platform_ticks(void);
uint32_t platform_tick_hz(void);

/* Bytes of stack used at the deepest moment so far. */
uint32_t platform_stack_peak(void);
#define PLATFORM_UNKNOWN 0xFFFFFFFFu

#ifdef __cplusplus
}
#endif

#endif /* PLATFORM_H_ */
