/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

#define UNUSED __attribute__((unused)) /* a naked function has no statement but assembly */

#if defined(__riscv)
__attribute__((naked, noinline)) void calibration_loop(uint32_t rounds UNUSED)
{
    __asm volatile("1: addi a0, a0, -1\n"
                   "   bnez a0, 1b\n"
                   "   ret");
}
#else
__attribute__((naked, noinline)) void calibration_loop(uint32_t rounds UNUSED)
{
    __asm volatile(".syntax unified\n"
                   "1: subs r0, #1\n"
                   "   bne  1b\n"
                   "   bx   lr");
}
#endif
