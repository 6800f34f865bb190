/* SPDX-License-Identifier: Apache-2.0 */
/* The board's counter; one file a family of boards implements it. Differences of two readings are right across its
 * wrap-around. boards.toml knows how many instructions a tick is in the emulator. */
#ifndef TIMER_H_
#define TIMER_H_

#include <stdint.h>

#if defined(__riscv)
typedef uint64_t timer_ticks;
#else
typedef uint32_t timer_ticks;
#endif

void timer_begin(void);
timer_ticks timer_now(void);

/* Execute a loop of CALIBRATION_INSTRUCTIONS instructions, in assembly: what a counter must show for it is known. */
#define CALIBRATION_ROUNDS 500000u
#define CALIBRATION_INSTRUCTIONS (2u * CALIBRATION_ROUNDS)
void calibration_loop(uint32_t rounds);

#endif /* TIMER_H_ */
