/* The three functions of the C library that generated C calls; WebAssembly comes without one. SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGEBLUR_PAGE_STRING_H_
#define EDGEBLUR_PAGE_STRING_H_

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

#endif /* EDGEBLUR_PAGE_STRING_H_ */
