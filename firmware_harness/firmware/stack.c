/* SPDX-License-Identifier: Apache-2.0 */
#include "stack.h"

uint32_t stack_peak(void)
{
    const uint32_t *word = stack_limit;
    while (word < stack_top && *word == STACK_PAINT) {
        ++word;
    }
    return (uint32_t)((uintptr_t)stack_top - (uintptr_t)word);
}
