/* SPDX-License-Identifier: Apache-2.0 */
/* The model behind one function, whatever the transport and the board. */
#ifndef INFER_H_
#define INFER_H_

#include <stdint.h>

typedef enum infer_status {
    INFER_DONE,
    INFER_NO_PICTURE, /* there is none left */
    INFER_CUT_SHORT,  /* a picture ended in its middle */
    INFER_FAILED      /* the engine did not give as many rows as it should */
} infer_status;

/* Take in a picture through the port and give it out finished, row by row.
 *
 * *ticks: what the engine alone took, by the board's counter; the transport's time does not count. */
infer_status infer(uint64_t *ticks);

/* Writable bytes that the model took so far, without stack and the caller's rows. */
uint32_t infer_ram_bytes(void);

#endif /* INFER_H_ */
