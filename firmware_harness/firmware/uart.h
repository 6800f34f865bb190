/* SPDX-License-Identifier: Apache-2.0 */
/* A board's serial port, polled; one file a kind of UART implements it. */
#ifndef UART_H_
#define UART_H_

#include <stdint.h>

void uart_begin(void);
int uart_read(void); /* a byte, or -1 if there is none now */
void uart_write(uint8_t byte);

#endif /* UART_H_ */
