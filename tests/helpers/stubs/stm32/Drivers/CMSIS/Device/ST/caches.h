#pragma once
#define __ICACHE_PRESENT 1U
static inline void SCB_EnableICache(void)
{
}
static inline void SCB_EnableDCache(void)
{
}
