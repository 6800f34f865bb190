/* SPDX-License-Identifier: Apache-2.0 */
/* How deep the stack went: the start-up code paints it, and what was painted over was used. */
#ifndef STACK_H_
#define STACK_H_

#include <stdint.h>

/* From the linker script: the stack grows from its top down to its limit. */
extern uint32_t stack_limit[], stack_top[];

#define STACK_PAINT 0xC5C5C5C5u

/* Bytes used at the deepest moment so far; all of them if it may have been more. */
uint32_t stack_peak(void);

#endif /* STACK_H_ */
