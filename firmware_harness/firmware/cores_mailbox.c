/* SPDX-License-Identifier: Apache-2.0 */
/* Two Cortex-M cores that share memory: a job lies in two words, and each core sleeps until the other one signals. */
#include "cores.h"

#include <stddef.h>

static void (*volatile todo)(void *job); /* null when there is nothing to do */
static void *volatile todo_job;
static int started;

/* What was written before is seen by the other core before what is written after. */
static inline void fence(void)
{
    __asm volatile("dmb" ::: "memory");
}

static inline void signal_other(void)
{
    __asm volatile("dsb\n sev" ::: "memory");
}

static inline void wait_for_other(void)
{
    __asm volatile("wfe" ::: "memory");
}

static void paint_stack(void)
{
    for (uint32_t i = 0; i < cores_stack_bytes / 4; ++i) {
        cores_stack[i] = CORES_STACK_PAINT;
    }
}

uint32_t cores_stack_peak(void)
{
    uint32_t i = 0;
    while (i < cores_stack_bytes / 4 && cores_stack[i] == CORES_STACK_PAINT) {
        ++i;
    }
    return started ? cores_stack_bytes - 4 * i : 0;
}

void cores_serve(void)
{
    for (;;) {
        void (*const work)(void *job) = todo;
        if (work == NULL) {
            wait_for_other();
            continue;
        }
        fence();
        work(todo_job);
        fence();
        todo = NULL;
        signal_other();
    }
}

void cores_fork(void (*work)(void *job), void *job)
{
    if (!started) {
        started = 1;
        paint_stack();
        cores_start();
    }
    todo_job = job;
    fence();
    todo = work;
    signal_other();
}

void cores_join(void)
{
    while (todo != NULL) {
        wait_for_other();
    }
    fence();
}
