/* SPDX-License-Identifier: Apache-2.0 */
/* What the firmware asks of the place it runs in: bytes in, bytes out, remarks. One file a transport implements it. */
#ifndef PORT_H_
#define PORT_H_

#include <stddef.h>
#include <stdint.h>

void port_begin(void);

/* Take in bytes of pictures; returns how many came, fewer than asked for only at the end. */
size_t port_read(void *bytes, size_t size);

/* Give out bytes of finished pictures. */
void port_write(const void *bytes, size_t size);

/* Tell a number under a name. */
void port_report(const char *name, uint64_t value);

/* The last thing that happens. */
void port_end(void) __attribute__((noreturn));

#endif /* PORT_H_ */
