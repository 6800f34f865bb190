#pragma once
#include <stddef.h>
#include <stdint.h>

#define CONFIG_MAIN_STACK_SIZE 4096
struct k_thread;
typedef struct k_thread *k_tid_t;
int32_t k_msleep(int32_t ms);
uint32_t k_cycle_get_32(void);
int sys_clock_hw_cycles_per_sec(void);
k_tid_t k_current_get(void);
int k_thread_stack_space_get(const struct k_thread *thread, size_t *unused);
