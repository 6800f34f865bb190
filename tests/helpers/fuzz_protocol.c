/* The serial firmware in the hands of libFuzzer: an input is what comes in on the line, as raw bytes and as requests
 * whose check is right.
 *
 * Each answer must be a whole frame with the right check, a status that protocol.h has and no more bytes than that has
 * room for. A picture whose rows all went in, and whose rows all came out, must be the one that the engine makes of it
 * at once: every picture is right or reported. */
#include "protocol.c"

#include <stdio.h>
#include <stdlib.h>

#include "model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t line[2 * ANSWER_MOST + 64];
static size_t line_size, answers;
static uint8_t picture_in[ENGINE_INPUT_HEIGHT * ENGINE_INPUT_ROW_BYTES];
static uint8_t picture_out[ENGINE_OUTPUT_HEIGHT * ENGINE_OUTPUT_ROW_BYTES];
static size_t rows_in, rows_out;
static int host_rows; /* all rows of this picture come from `ask` */
static int known;     /* nothing but `ask` began this picture or gave it rows */
static int asking;

static void stop(const char *why)
{
    fprintf(stderr, "%s\n", why);
    abort();
}

static void compare(void)
{
    static model_state second;
    static uint8_t whole_picture[sizeof picture_out];
    if (model_run_raw(&second, (const void *)picture_in, (void *)whole_picture) != MODEL_OK ||
        memcmp(whole_picture, picture_out, sizeof whole_picture) != 0) {
        stop("a picture came out wrong, and nobody said so");
    }
}

/* What a host makes of an answer. */
static void hear(const uint8_t *frame, size_t size)
{
    if (size < ANSWER_HEADER + CHECK || size > ANSWER_MOST) {
        stop("an answer of a size that no answer has");
    }
    if (crc32(0, frame, size - CHECK) != get(frame + size - CHECK, CHECK)) {
        stop("an answer with a wrong check");
    }
    if (frame[2] > PROTOCOL_FAILED || !(frame[0] & 0x80)) {
        stop("an answer that protocol.h does not know");
    }
    if (frame[0] == (0x80 | PROTOCOL_NONE)) { /* no request, or one of command 0 */
        if ((frame[2] != PROTOCOL_DAMAGED && frame[2] != PROTOCOL_NOT_KNOWN) || size != ANSWER_HEADER + CHECK) {
            stop("a damaged frame was answered otherwise");
        }
        return;
    }
    known = known && asking; /* noise can be a request with the right check */
    if (frame[3] && size != ANSWER_HEADER + ENGINE_OUTPUT_ROW_BYTES + CHECK) {
        stop("an answer with part of a row");
    }
}

/* A finished row that an answer brought. */
static void collect(const uint8_t *frame)
{
    if (frame[3] && rows_out < ENGINE_OUTPUT_HEIGHT) {
        memcpy(picture_out + rows_out++ * ENGINE_OUTPUT_ROW_BYTES, frame + ANSWER_HEADER, ENGINE_OUTPUT_ROW_BYTES);
        if (rows_out == ENGINE_OUTPUT_HEIGHT && host_rows && known) {
            if (rows_in != ENGINE_INPUT_HEIGHT) {
                stop("the last row came before the picture was in");
            }
            compare();
        }
    }
}

/* Undo COBS; the size of what it held, 0 if it holds a zero or ends early. */
static size_t unstuffed(uint8_t *frame)
{
    size_t size = 0, at = 0;
    while (at < line_size) {
        const uint8_t code = line[at++];
        if (code == 0 || at + code - 1u > line_size) {
            return 0;
        }
        memcpy(frame + size, line + at, code - 1u);
        at += code - 1u;
        size += code - 1u;
        if (code != 0xFF && at < line_size) {
            frame[size++] = 0;
        }
    }
    return size;
}

static uint8_t last[sizeof line];

void platform_write_byte(uint8_t byte)
{
    if (byte != 0) {
        if (line_size == sizeof line) {
            stop("an answer that does not end");
        }
        line[line_size++] = byte;
    } else if (line_size > 0) {
        hear(last, unstuffed(last));
        line_size = 0;
        ++answers;
    }
}

void platform_flush(void)
{
    if (line_size != 0) {
        stop("an answer without its end");
    }
}

uint32_t platform_ticks(void)
{
    static uint32_t ticks = 0xFFFFFF00u; /* wraps around soon */
    return ticks += 7;
}

uint32_t platform_tick_hz(void)
{
    return 1000;
}

uint32_t platform_stack_peak(void)
{
    return PLATFORM_UNKNOWN;
}

/* Called by protocol.c: a camera that now and then has no picture. */
int camera_row(int y, uint8_t *pixels)
{
    if (y < 0 || y >= ENGINE_INPUT_HEIGHT) {
        stop("the camera was asked for a row outside its picture");
    }
    memset(pixels, y, ENGINE_INPUT_ROW_BYTES);
    return picture.random % 3 != 0;
}

static void send_stuffed(const uint8_t *frame, size_t size)
{
    size_t start = 0;
    for (;;) {
        size_t end = start;
        while (end < size && frame[end] != 0 && end - start < 254) {
            ++end;
        }
        protocol_take((uint8_t)(end - start + 1));
        for (size_t i = start; i < end; ++i) {
            protocol_take(frame[i]);
        }
        if (end == size) {
            break;
        }
        start = end - start < 254 ? end + 1 : end;
    }
    protocol_take(0);
}

/* A request with the right check; what follows from it here is what follows from it there. */
static void ask(uint8_t command, uint8_t sequence, uint16_t argument, const uint8_t *payload, size_t size)
{
    uint8_t frame[REQUEST_MOST + 8];
    const size_t before = answers;
    const int again = answer_size != 0 && answer.bytes[0] == (command | 0x80) && answer.bytes[1] == sequence;
    frame[0] = command;
    frame[1] = sequence;
    put(frame + 2, argument, 2);
    memcpy(frame + REQUEST_HEADER, payload, size);
    put(frame + REQUEST_HEADER + size, crc32(0, frame, REQUEST_HEADER + size), CHECK);
    protocol_take(0); /* ends what noise has begun */
    asking = 1;
    send_stuffed(frame, REQUEST_HEADER + size + CHECK);
    asking = 0;
    if (answers != before + 1 && answers != before + 2) {
        stop("a request without an answer");
    }
    if (again || last[0] != (command | 0x80)) {
        return;
    }
    if ((command == PROTOCOL_BEGIN || command == PROTOCOL_INFER) && last[2] != PROTOCOL_WRONG_SIZE &&
        last[2] != PROTOCOL_NOT_KNOWN) {
        rows_in = rows_out = 0;
        known = 1;
        host_rows = command == PROTOCOL_BEGIN && argument == SOURCE_HOST;
    }
    if (command == PROTOCOL_ROW && last[2] == PROTOCOL_OK) {
        if (!known) {
            return;
        }
        if (!host_rows || argument != rows_in || rows_in == ENGINE_INPUT_HEIGHT) {
            stop("a row was taken that was not due");
        }
        memcpy(picture_in + rows_in++ * ENGINE_INPUT_ROW_BYTES, payload, ENGINE_INPUT_ROW_BYTES);
    }
    if (command == PROTOCOL_ROW || command == PROTOCOL_NEXT) {
        collect(last);
    }
}

static void good_row(uint8_t sequence, uint16_t y, uint8_t seed)
{
    uint8_t row[ENGINE_INPUT_ROW_BYTES];
    for (size_t i = 0; i < sizeof row; ++i) {
        row[i] = (uint8_t)(seed * (i + 1) * 2654435761u >> 13);
    }
    ask(PROTOCOL_ROW, sequence, y, row, sizeof row);
}

static uint8_t next_byte(const uint8_t **data, size_t *size)
{
    if (*size == 0) {
        return 0;
    }
    --*size;
    return *(*data)++;
}

static void step(const uint8_t **data, size_t *size, uint8_t *sequence)
{
    const uint8_t what = next_byte(data, size), argument = next_byte(data, size);
    switch (what & 7) {
    case 0: /* noise */
        for (size_t i = 0; i < argument && *size > 0; ++i) {
            protocol_take(next_byte(data, size));
        }
        break;
    case 1: { /* any request, of any size */
        const size_t payload = argument < *size ? argument : *size;
        const size_t room = REQUEST_MOST - REQUEST_HEADER - CHECK;
        const uint8_t *bytes = *data;
        *data += payload;
        *size -= payload;
        ask(what >> 3 & 7, ++*sequence, argument, bytes, payload < room ? payload : room);
        break;
    }
    case 2: { /* a picture begins */
        const uint8_t seed[SEED] = {argument, what, 0, 0};
        ask(PROTOCOL_BEGIN, ++*sequence, what >> 3 & 3, seed, SEED);
        break;
    }
    case 3: { /* a whole one */
        const uint8_t seed[SEED] = {argument, what, 1, 0};
        ask(PROTOCOL_INFER, ++*sequence, what >> 3 & 3, seed, SEED);
        break;
    }
    case 4: /* the rows that are due */
        for (unsigned n = 0; n <= (what >> 3); ++n) {
            good_row(++*sequence, (uint16_t)rows_in, (uint8_t)(argument + n));
        }
        break;
    case 5: /* the last request again, or one that is not due */
        good_row((uint8_t)(*sequence + (what >> 7)), (uint16_t)(rows_in + (what >> 3 & 3) - 1u), argument);
        break;
    case 6:
        for (unsigned n = 0; n <= (what >> 3); ++n) {
            ask(PROTOCOL_NEXT, ++*sequence, 0, *data, 0);
        }
        break;
    default:
        ask(what & 8 ? PROTOCOL_TIMES : PROTOCOL_INFO, ++*sequence, argument, *data, 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t sequence = 0;
    memset(&request, 0, sizeof request);
    memset(&answer, 0, sizeof answer);
    memset(&incoming, 0, sizeof incoming);
    memset(&picture, 0, sizeof picture);
    answer_size = line_size = answers = rows_in = rows_out = 0;
    host_rows = known = asking = 0;
    engine_begin();
    for (int i = 0; size > 0 && i < 200; ++i) {
        step(&data, &size, &sequence);
    }
    return 0;
}
