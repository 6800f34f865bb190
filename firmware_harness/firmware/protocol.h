/* SPDX-License-Identifier: Apache-2.0 */
/* The model over a serial line: rows of pictures in, finished rows out, in frames that noise cannot forge.
 *
 * Frame: the bytes below in COBS (Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999), then a zero byte.
 *   request  command, sequence, argument (2 bytes); payload; CRC-32
 *   answer   command | 0x80, sequence, status, has_row; rows taken (2), rows given (2); payload; CRC-32
 * Numbers are little-endian; the CRC-32 is that of zlib, over all bytes before it.
 *
 * The host asks, the board answers, one at a time. A damaged frame is answered with PROTOCOL_DAMAGED and sequence 0. A
 * request that comes a second time (same command and sequence) is not carried out again: its answer is sent again.
 *
 *   INFO                         payload: version, 3 zeros; SHA-256 of the .tflite; height, width, channels of input and
 *                                output (2 bytes each); RAM of the engine, ticks a second (4 each); MODEL_TEXT
 *   BEGIN source, seed (4)       begin a picture whose rows come from the host, a pattern, or the camera hook; firmware
 *                                that veils frames forgets those before, unless a seed that is not 0 says that this one
 *                                follows them (a pattern never does)
 *   ROW   y, row                 take in row y; payload: a finished row if has_row is 1. PROTOCOL_ROW_WAITS: row y was
 *                                not taken, as finished rows wait; one comes with this answer
 *   NEXT                         payload: the next finished row if has_row is 1, for which rows of a pattern or of the
 *                                camera are taken in as needed
 *   INFER source, seed (4)       a whole picture of a pattern or the camera at once; payload as of TIMES
 *   TIMES                        payload: ticks of the engine for this picture (8), ticks a second, stack used, CRC-32
 *                                of all finished rows (4 each)
 *
 * Pattern: bytes of xorshift32 (Marsaglia 2003; 13, 17, 5) from the seed, the upper 8 bits of each state. */
#ifndef PROTOCOL_H_
#define PROTOCOL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROTOCOL_VERSION 1

enum protocol_command {
    PROTOCOL_NONE = 0,
    PROTOCOL_INFO = 1,
    PROTOCOL_BEGIN = 2,
    PROTOCOL_ROW = 3,
    PROTOCOL_NEXT = 4,
    PROTOCOL_INFER = 5,
    PROTOCOL_TIMES = 6
};

enum protocol_source { SOURCE_NONE = 0, SOURCE_HOST = 1, SOURCE_PATTERN = 2, SOURCE_CAMERA = 3 };

enum protocol_status {
    PROTOCOL_OK = 0,
    PROTOCOL_DAMAGED = 1,      /* a frame came whose CRC is wrong */
    PROTOCOL_NOT_KNOWN = 2,    /* no such command or source */
    PROTOCOL_WRONG_SIZE = 3,   /* of the payload */
    PROTOCOL_OUT_OF_ORDER = 4, /* no picture was begun, or another row is due: was the board reset? */
    PROTOCOL_ROW_WAITS = 5,
    PROTOCOL_NO_CAMERA = 6,
    PROTOCOL_FAILED = 7 /* the engine did not take a row that it should */
};

/* Take in a byte from the host. When it ends a frame, the answer goes out through platform.h. */
void protocol_take(uint8_t byte);

#ifdef __cplusplus
}
#endif

#endif /* PROTOCOL_H_ */
