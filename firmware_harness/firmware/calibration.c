#include "timer.h"

#if defined(__riscv)
__attribute__((naked, noinline)) void calibration_loop(uint32_t rounds)
{
    (void)rounds;
    __asm volatile("1: addi a0, a0, -1\n"
                   "   bnez a0, 1b\n"
                   "   ret");
}
#else
__attribute__((naked, noinline)) void calibration_loop(uint32_t rounds)
{
    (void)rounds;
    __asm volatile(".syntax unified\n"
                   "1: subs r0, #1\n"
                   "   bne  1b\n"
                   "   bx   lr");
}
#endif
