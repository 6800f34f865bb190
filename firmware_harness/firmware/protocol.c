/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol.h"

#include <string.h>

#include "camera.h"
#include "engine.h"
#include "platform.h"

enum { REQUEST_HEADER = 4, ANSWER_HEADER = 8, CHECK = 4, INFO_FIXED = 56, TIMES_SIZE = 20, SEED = 4 };
enum { INFO_SIZE = INFO_FIXED + sizeof MODEL_TEXT };

#define LARGER(a, b) ((a) > (b) ? (a) : (b))
enum { REQUEST_MOST = REQUEST_HEADER + LARGER(ENGINE_INPUT_ROW_BYTES, SEED) + CHECK };
enum { ANSWER_MOST = ANSWER_HEADER + LARGER(ENGINE_OUTPUT_ROW_BYTES, LARGER((int)INFO_SIZE, (int)TIMES_SIZE)) + CHECK };

/* Both rows lie at addresses that are divisible by 4. */
static union {
    uint32_t aligned;
    uint8_t bytes[REQUEST_MOST];
} request;

/* Kept after it was sent: the host may ask for it again. */
static union {
    uint32_t aligned;
    uint8_t bytes[ANSWER_MOST];
} answer;

static size_t answer_size; /* without its CRC; 0 before the first */

/* The frame that is coming in. */
static struct {
    size_t size;
    uint8_t code; /* of the current COBS block */
    uint8_t left; /* bytes until the next one */
    uint8_t any;  /* something came since the last zero byte */
    uint8_t lost; /* more came than any request has */
} incoming;

static struct {
    uint64_t ticks;
    uint32_t random; /* state of the pattern */
    uint32_t check;  /* CRC-32 of the finished rows */
    uint16_t taken;
    uint16_t given;
    uint8_t source;
} picture;

static uint32_t crc32(uint32_t before, const uint8_t *bytes, size_t size)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    uint32_t crc = ~before;
    for (size_t i = 0; i < size; ++i) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

static void put(uint8_t *place, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; ++i) {
        place[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t get(const uint8_t *place, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = bytes; i-- > 0;) {
        value = value << 8 | place[i];
    }
    return value;
}

/* Send a frame; there is room for a CRC behind it. */
static void send(uint8_t *frame, size_t size)
{
    put(frame + size, crc32(0, frame, size), CHECK);
    size += CHECK;
    platform_write_byte(0); /* ends whatever the line may hold */
    for (size_t start = 0;;) {
        size_t end = start;
        while (end < size && frame[end] != 0 && end - start < 254) {
            ++end;
        }
        platform_write_byte((uint8_t)(end - start + 1));
        for (size_t i = start; i < end; ++i) {
            platform_write_byte(frame[i]);
        }
        if (end == size) {
            break;
        }
        start = end - start < 254 ? end + 1 : end; /* a shorter block stands for a zero after it */
    }
    platform_write_byte(0);
    platform_flush();
}

static void begin(uint8_t source, uint32_t seed)
{
#ifdef ENGINE_FRAMES
    if (source == SOURCE_PATTERN || seed == 0) {
        engine_forget();
    }
#endif
    engine_begin();
    memset(&picture, 0, sizeof picture);
    picture.source = source;
    picture.random = seed != 0 ? seed : 1; /* xorshift has no way out of 0 */
}

static uint8_t push(const uint8_t *row, engine_status (*engine)(const uint8_t *))
{
    const uint32_t before = platform_ticks();
    const engine_status status = engine(row);
    picture.ticks += platform_ticks() - before;
    if (status == ENGINE_OK) {
        ++picture.taken;
        return PROTOCOL_OK;
    }
    return status == ENGINE_ROW_READY ? PROTOCOL_ROW_WAITS : PROTOCOL_FAILED;
}

/* The next finished row, if there is one, into the answer. */
static int pop(void)
{
    uint8_t *row = answer.bytes + ANSWER_HEADER;
    const uint32_t before = platform_ticks();
    const engine_status status = engine_pop(row);
    picture.ticks += platform_ticks() - before;
    if (status != ENGINE_OK) {
        return 0;
    }
    picture.check = crc32(picture.check, row, ENGINE_OUTPUT_ROW_BYTES);
    ++picture.given;
    return 1;
}

/* Take in a row that the board makes itself; its place is that of a request's, which is done with. */
static uint8_t push_own(void)
{
    uint8_t *row = request.bytes + REQUEST_HEADER;
    if (picture.source == SOURCE_CAMERA) {
        return camera_row(picture.taken, row) ? push(row, engine_push_pixels) : (uint8_t)PROTOCOL_NO_CAMERA;
    }
    for (size_t i = 0; i < ENGINE_INPUT_ROW_BYTES; ++i) {
        picture.random ^= picture.random << 13;
        picture.random ^= picture.random >> 17;
        picture.random ^= picture.random << 5;
        row[i] = (uint8_t)(picture.random >> 24);
    }
    return push(row, engine_push);
}

static uint8_t next(void)
{
    uint8_t status = PROTOCOL_OK;
    int popped = pop();
    while (!popped && picture.source != SOURCE_HOST && picture.taken < ENGINE_INPUT_HEIGHT && status == PROTOCOL_OK) {
        status = push_own();
        popped = pop();
    }
    answer.bytes[3] = (uint8_t)popped;
    return status;
}

static uint8_t whole(void)
{
    uint8_t status = PROTOCOL_OK;
    while (status == PROTOCOL_OK && picture.given < ENGINE_OUTPUT_HEIGHT) {
        status = next();
        if (status == PROTOCOL_OK && !answer.bytes[3]) {
            status = PROTOCOL_FAILED;
        }
    }
    answer.bytes[3] = 0;
    return status;
}

static size_t info(void)
{
    static const uint8_t sha256[32] = MODEL_SHA256;
    static const uint16_t sizes[6] = {ENGINE_INPUT_HEIGHT,  ENGINE_INPUT_WIDTH,  ENGINE_INPUT_CHANNELS,
                                      ENGINE_OUTPUT_HEIGHT, ENGINE_OUTPUT_WIDTH, ENGINE_OUTPUT_CHANNELS};
    uint8_t *place = answer.bytes + ANSWER_HEADER;
    put(place, PROTOCOL_VERSION, 4);
    memcpy(place + 4, sha256, sizeof sha256);
    for (size_t i = 0; i < 6; ++i) {
        put(place + 36 + 2 * i, sizes[i], 2);
    }
    put(place + 48, ENGINE_RAM_BYTES, 4);
    put(place + 52, platform_tick_hz(), 4);
    memcpy(place + INFO_FIXED, MODEL_TEXT, sizeof MODEL_TEXT);
    return INFO_SIZE;
}

static size_t times(void)
{
    uint8_t *place = answer.bytes + ANSWER_HEADER;
    put(place, picture.ticks, 8);
    put(place + 8, platform_tick_hz(), 4);
    put(place + 12, platform_stack_peak(), 4);
    put(place + 16, picture.check, 4);
    return TIMES_SIZE;
}

static uint8_t take_row(unsigned y, size_t size)
{
    uint8_t status;
    if (size != ENGINE_INPUT_ROW_BYTES) {
        return PROTOCOL_WRONG_SIZE;
    }
    if (picture.source != SOURCE_HOST || y != picture.taken || y >= ENGINE_INPUT_HEIGHT) {
        return PROTOCOL_OUT_OF_ORDER;
    }
    status = push(request.bytes + REQUEST_HEADER, engine_push);
    if (status != PROTOCOL_FAILED) {
        answer.bytes[3] = (uint8_t)pop();
    }
    return status;
}

static uint8_t begin_from(unsigned source, size_t size, int whole_picture)
{
    const unsigned first = whole_picture ? SOURCE_PATTERN : SOURCE_HOST;
    if (size != SEED) {
        return PROTOCOL_WRONG_SIZE;
    }
    if (source < first || source > SOURCE_CAMERA) {
        return PROTOCOL_NOT_KNOWN;
    }
    begin((uint8_t)source, get(request.bytes + REQUEST_HEADER, SEED));
    return whole_picture ? whole() : (uint8_t)PROTOCOL_OK;
}

/* Carry out a request with so many bytes of payload; returns those of the answer's. */
static size_t carry_out(size_t size, uint8_t *status)
{
    const unsigned argument = get(request.bytes + 2, 2);
    size_t given = 0;
    switch (request.bytes[0]) {
    case PROTOCOL_INFO:
        given = info();
        break;
    case PROTOCOL_BEGIN:
        *status = begin_from(argument, size, 0);
        break;
    case PROTOCOL_ROW:
        *status = take_row(argument, size);
        break;
    case PROTOCOL_NEXT:
        *status = picture.source == SOURCE_NONE ? (uint8_t)PROTOCOL_OUT_OF_ORDER : next();
        break;
    case PROTOCOL_INFER:
        *status = begin_from(argument, size, 1);
        given = times();
        break;
    case PROTOCOL_TIMES:
        given = times();
        break;
    default:
        *status = PROTOCOL_NOT_KNOWN;
        break;
    }
    return answer.bytes[3] ? ENGINE_OUTPUT_ROW_BYTES : given;
}

static void reply(size_t size)
{
    const uint8_t command = request.bytes[0], sequence = request.bytes[1];
    const int again = answer_size != 0 && answer.bytes[0] == (command | 0x80) && answer.bytes[1] == sequence;
    if (!again) {
        answer.bytes[0] = (uint8_t)(command | 0x80);
        answer.bytes[1] = sequence;
        answer.bytes[2] = PROTOCOL_OK;
        answer.bytes[3] = 0;
        answer_size = ANSWER_HEADER + carry_out(size, &answer.bytes[2]);
        put(answer.bytes + 4, picture.taken, 2);
        put(answer.bytes + 6, picture.given, 2);
    }
    send(answer.bytes, answer_size);
}

static void end_frame(void)
{
    const size_t size = incoming.size;
    const int whole_frame = !incoming.lost && incoming.left == 0 && size >= REQUEST_HEADER + CHECK;
    if (whole_frame && crc32(0, request.bytes, size - CHECK) == get(request.bytes + size - CHECK, CHECK)) {
        reply(size - REQUEST_HEADER - CHECK);
    } else {
        uint8_t damaged[ANSWER_HEADER + CHECK] = {0x80 | PROTOCOL_NONE, 0, PROTOCOL_DAMAGED};
        send(damaged, ANSWER_HEADER);
    }
}

static void keep(uint8_t byte)
{
    if (incoming.size < sizeof request.bytes) {
        request.bytes[incoming.size++] = byte;
    } else {
        incoming.lost = 1;
    }
}

void protocol_take(uint8_t byte)
{
    if (byte == 0) {
        if (incoming.any) {
            end_frame();
        }
        memset(&incoming, 0, sizeof incoming);
        return;
    }
    if (incoming.left > 0) {
        keep(byte);
        --incoming.left;
    } else {
        if (incoming.any && incoming.code != 0xFF) {
            keep(0);
        }
        incoming.code = byte;
        incoming.left = (uint8_t)(byte - 1);
    }
    incoming.any = 1;
}
