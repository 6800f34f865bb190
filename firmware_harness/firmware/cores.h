/* SPDX-License-Identifier: Apache-2.0 */
/* A second core that works for the first, one job at a time. Where there is no system that brings threads,
 * cores_mailbox.c does it, with a platform's cores_start. */
#ifndef CORES_H_
#define CORES_H_

#include <stdint.h>

/* Let the second core call work(job), and go on without waiting; the first call starts it. */
void cores_fork(void (*work)(void *job), void *job);

/* Wait until it is done. */
void cores_join(void);

/* Start the second core, which shall call cores_serve on cores_stack. */
void cores_start(void);

/* The second core's whole life. */
void cores_serve(void);

/* The second core's stack, and how much of it was used at the deepest moment so far. */
#define CORES_STACK_PAINT 0xC5C5C5C5u
extern uint32_t cores_stack[];
extern const uint32_t cores_stack_bytes;
uint32_t cores_stack_peak(void);

#endif /* CORES_H_ */
