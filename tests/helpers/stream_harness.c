/* Runs generated streaming nets in every order that their interface allows, and in some that it forbids.
 *
 *     harness MODE PICTURES FILL <pictures >outputs
 *
 * MODE is one of those in `modes`, or `mixed`: each picture in the next one. Every net reads PICTURES pictures from
 * standard input and writes as many outputs. FILL is the byte that its memory has been filled with beforehand. Exit
 * status 1 and a line on standard error if a call does not return what the header says.
 *
 * nets.h, written by the test, includes the headers of the nets and lists them, those of several outputs apart:
 *     #define NETS(NET, SEVERAL) NET(first, FIRST) SEVERAL(second, SECOND)
 *
 * All rows of a net's first output are written, then all of its second, and so on.
 */
#include "nets.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK, NEED_ROW, ROW_READY, END, NULL_POINTER, DAMAGED };

struct net {
    const char *name;
    size_t state_bytes, counters_at, nodes, in_height, in_bytes, out_bytes; /* out_bytes: of the longest row */
    size_t outputs;
    const uint16_t *heights;
    const uint32_t *row_bytes;
    int (*begin)(void *state);
    int (*push)(void *state, const void *row);
    int (*pop)(void *state, unsigned *output, void *row);
    int (*run)(void *state, const void *picture, void *finished);
    int (*push_pixels)(void *state, const void *row);
    int (*pop_pixels)(void *state, unsigned *output, void *row);
    int (*run_pixels)(void *state, const void *picture, void *finished);
};

/* Where an output lies among all. */
static size_t offset_of(const struct net *net, size_t output)
{
    size_t at = 0;
    for (size_t i = 0; i < output; ++i) {
        at += (size_t)net->heights[i] * net->row_bytes[i];
    }
    return at;
}

static size_t rows_of(const struct net *net)
{
    size_t rows = 0;
    for (size_t i = 0; i < net->outputs; ++i) {
        rows += net->heights[i];
    }
    return rows;
}

/* What the header promises, at compile time: the state's size, and the numbers of the statuses. */
#define PROMISE(name, condition) typedef char name[(condition) ? 1 : -1];

#define DEFINE_BOTH(net, NET) \
    PROMISE(net##_size, sizeof(net##_state) == NET##_STATE_BYTES) \
    PROMISE(net##_ram, NET##_RAM_BYTES == NET##_STATE_BYTES + NET##_INPUT_ROW_BYTES + NET##_OUTPUT_ROW_BYTES) \
    PROMISE(net##_statuses, NET##_OK == (int)OK && NET##_NEED_ROW == (int)NEED_ROW && \
                                NET##_ROW_READY == (int)ROW_READY && NET##_END == (int)END && \
                                NET##_NULL == (int)NULL_POINTER && NET##_DAMAGED == (int)DAMAGED) \
    static int net##_do_begin(void *s) { return (int)net##_begin(s); } \
    static int net##_do_push(void *s, const void *row) { return (int)net##_push_row_raw(s, row); } \
    static int net##_do_push_pixels(void *s, const void *row) { return (int)net##_push_row(s, row); }

#define DEFINE(net, NET) \
    DEFINE_BOTH(net, NET) \
    static const uint16_t net##_heights[] = {NET##_OUTPUT_HEIGHT}; \
    static const uint32_t net##_row_bytes[] = {NET##_OUTPUT_ROW_BYTES}; \
    static int net##_do_pop(void *s, unsigned *output, void *row) { *output = 0; return (int)net##_pop_row_raw(s, row); } \
    static int net##_do_run(void *s, const void *in, void *out) { return (int)net##_run_raw(s, in, out); } \
    static int net##_do_pop_pixels(void *s, unsigned *output, void *row) { *output = 0; return (int)net##_pop_row(s, row); } \
    static int net##_do_run_pixels(void *s, const void *in, void *out) { return (int)net##_run(s, in, out); }

/* Several outputs are given in their own numbers only. */
#define DEFINE_SEVERAL(net, NET) \
    DEFINE_BOTH(net, NET) \
    static const uint16_t net##_heights[NET##_OUTPUTS] = NET##_OUTPUTS_HEIGHTS; \
    static const uint32_t net##_row_bytes[NET##_OUTPUTS] = NET##_OUTPUTS_ROW_BYTES; \
    static int net##_do_pop(void *s, unsigned *output, void *row) { return (int)net##_pop_row_raw(s, output, row); } \
    static int net##_do_run(void *s, const void *in, void *out) \
    { \
        void *places[NET##_OUTPUTS]; \
        unsigned char *next = out; \
        for (size_t i = 0; out != NULL && i < NET##_OUTPUTS; next += (size_t)net##_heights[i] * net##_row_bytes[i], ++i) { \
            places[i] = next; \
        } \
        return (int)net##_run_raw(s, in, out == NULL ? NULL : places); \
    } \
    static int net##_do_pop_pixels(void *s, unsigned *output, void *row) { return net##_do_pop(s, output, row); } \
    static int net##_do_run_pixels(void *s, const void *in, void *out) { return net##_do_run(s, in, out); }

#define ENTRY(net, NET) \
    {#net, sizeof(net##_state), offsetof(net##_state, done), sizeof(((net##_state *)0)->done) / 2, NET##_INPUT_HEIGHT, \
     NET##_INPUT_ROW_BYTES, NET##_OUTPUT_ROW_BYTES, sizeof net##_heights / 2, net##_heights, net##_row_bytes, \
     net##_do_begin, net##_do_push, net##_do_pop, net##_do_run, \
     net##_do_push_pixels, net##_do_pop_pixels, net##_do_run_pixels},

NETS(DEFINE, DEFINE_SEVERAL)

static const struct net nets[] = {NETS(ENTRY, ENTRY)};

/* Memory */

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define KEEPS_TRACK_OF_UNWRITTEN_MEMORY
#endif
#endif

#define MOST_OUTPUTS 8
#define GUARD 64u /* bytes on both sides of everything that a net writes */
#define CANARY 0x5C

static int fill_byte;
static const struct net *current; /* for the message when something fails */
static const char *current_mode;

static void fail(const char *what, ...)
{
    va_list list;
    va_start(list, what);
    fprintf(stderr, "%s, %s: ", current->name, current_mode);
    vfprintf(stderr, what, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static unsigned char *allocate(size_t size)
{
    unsigned char *block = malloc(size + 2 * GUARD);
    if (block == NULL) {
        fail("out of memory");
        exit(1);
    }
    memset(block, CANARY, GUARD);
    memset(block + GUARD + size, CANARY, GUARD);
#ifndef KEEPS_TRACK_OF_UNWRITTEN_MEMORY
    memset(block + GUARD, fill_byte, size);
#endif
    return block + GUARD;
}

static void release(unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < GUARD; ++i) {
        if (memory[i + size] != CANARY || *(memory - 1 - i) != CANARY) {
            fail("wrote %u bytes outside its memory", (unsigned)i + 1);
        }
    }
    free(memory - GUARD);
}

/* A picture on its way through a net, and how far it is. Rows go in and out through blocks of just their size, at odd
 * addresses: nothing may read or write words there. */
struct journey {
    const struct net *net;
    unsigned char *state;
    const unsigned char *picture;
    unsigned char *finished;
    size_t pushed, popped;
    size_t popped_of[MOST_OUTPUTS];
    int (*push)(void *state, const void *row);
    int (*pop)(void *state, unsigned *output, void *row);
};

static struct journey start(const struct net *net, unsigned char *state, const unsigned char *picture,
                            unsigned char *finished)
{
    const struct journey journey = {net, state, picture, finished, 0, 0, {0}, net->push, net->pop};
    return journey;
}

static int push_next(struct journey *j)
{
    const size_t bytes = j->net->in_bytes;
    unsigned char *block = malloc(bytes + 1); /* no guards: a sanitizer notices reads past its end */
    int status;
    if (block == NULL) {
        fail("out of memory");
        return END;
    }
    /* behind the end of the picture, any row will do */
    memcpy(block + 1, j->picture + (j->pushed < j->net->in_height ? j->pushed * bytes : 0), bytes);
    status = j->push(j->state, block + 1);
    free(block);
    if (status == OK && ++j->pushed > j->net->in_height) {
        fail("took in more rows than a picture has");
    }
    return status;
}

/* A row that came out goes behind its output's others; behind it nothing was written. */
static void keep_row(struct journey *j, unsigned output, const unsigned char *row)
{
    const struct net *net = j->net;
    if (output >= net->outputs || j->popped_of[output] == net->heights[output]) {
        fail("gave a row of output %u", output);
        return;
    }
    memcpy(j->finished + offset_of(net, output) + j->popped_of[output]++ * net->row_bytes[output], row,
           net->row_bytes[output]);
    ++j->popped;
#ifndef KEEPS_TRACK_OF_UNWRITTEN_MEMORY
    for (size_t i = net->row_bytes[output]; i < net->out_bytes; ++i) {
        if (row[i] != (unsigned char)fill_byte) {
            fail("wrote behind a row of output %u", output);
        }
    }
#endif
}

static int pop_next(struct journey *j)
{
    const size_t bytes = j->net->out_bytes;
    unsigned char *block = allocate(bytes + 1);
    unsigned output = 0;
    const int status = j->pop(j->state, &output, block + 1);
    if (j->popped == rows_of(j->net) && status != END) {
        fail("pop after the last row returned %d", status);
    }
    if (status == OK) {
        keep_row(j, output, block + 1);
    } else if (j->net->outputs > 1 && output != j->net->outputs) {
        fail("no row was given, and it was of output %u", output);
    }
    for (size_t i = 1; status == NEED_ROW && i <= bytes; ++i) {
        if (block[i] != 0) {
            fail("left byte %u of a row as it was, and gave none", (unsigned)i - 1);
        }
    }
    release(block, bytes + 1);
    return status;
}

static void expect(int status, int wanted, const char *call)
{
    if (status != wanted) {
        fail("%s returned %d, not %d", call, status, wanted);
    }
}

static void begin(struct journey *j)
{
    j->pushed = j->popped = 0;
    memset(j->popped_of, 0, sizeof j->popped_of);
    expect(j->net->begin(j->state), OK, "begin");
}

/* One row out if one is ready, else one in. Returns 0 when all rows are out. */
static int step(struct journey *j)
{
    const int status = pop_next(j);
    if (status == NEED_ROW) {
        expect(push_next(j), OK, "push, asked for by pop,");
    } else if (status != OK) {
        expect(status, END, "pop");
    }
    return status != END;
}

static void check_complete(const struct journey *j)
{
    if (j->popped != rows_of(j->net)) {
        fail("gave %u rows of %u", (unsigned)j->popped, (unsigned)rows_of(j->net));
    }
}

/* Modes: each sends one picture through a net whose memory holds anything */

static void whole(struct journey *j)
{
    expect(j->net->run(j->state, j->picture, j->finished), OK, "run");
}

static void pop_early(struct journey *j)
{
    begin(j);
    while (step(j)) {
    }
    check_complete(j);
}

static void pop_late(struct journey *j)
{
    begin(j);
    while (j->pushed < j->net->in_height) {
        const int status = push_next(j);
        if (status != OK) {
            expect(status, ROW_READY, "push");
            expect(pop_next(j), OK, "pop after ROW_READY");
        }
    }
    while (j->popped < rows_of(j->net)) {
        expect(pop_next(j), OK, "pop of what is left");
    }
    expect(pop_next(j), END, "pop after the last row");
}

static void all_zero(struct journey *j)
{
    memset(j->state, 0, j->net->state_bytes);
    while (step(j)) {
    }
    check_complete(j);
}

/* Half of the negative goes in, then another picture begins. */
static void midframe(struct journey *j)
{
    const size_t size = j->net->in_height * j->net->in_bytes;
    const unsigned char *picture = j->picture;
    unsigned char *negative = allocate(size);
    for (size_t i = 0; i < size; ++i) {
        negative[i] = (unsigned char)~picture[i];
    }
    j->picture = negative;
    begin(j);
    while (2 * j->pushed < j->net->in_height && step(j)) {
    }
    j->picture = picture;
    release(negative, size);
    pop_early(j);
}

/* Another instance, one row ahead or behind, gets the negative. */
static void side_by_side(struct journey *j)
{
    const struct net *net = j->net;
    const size_t in_size = net->in_height * net->in_bytes, out_size = offset_of(net, net->outputs);
    struct journey other = start(net, allocate(net->state_bytes), allocate(in_size), allocate(out_size));
    int more = 1;
    for (size_t i = 0; i < in_size; ++i) {
        ((unsigned char *)other.picture)[i] = (unsigned char)~j->picture[i];
    }
    begin(&other);
    step(&other);
    begin(j);
    while (more) {
        more = step(j);
        more = step(&other) || more;
    }
    check_complete(j);
    check_complete(&other);
    release(other.state, net->state_bytes);
    release((unsigned char *)other.picture, in_size);
    release(other.finished, out_size);
}

/* What lay there may be the camera's: where a call finishes nothing it is 0, pixels of 16-bit nets being half as long. */
static void check_blank(const unsigned char *memory, size_t size, const char *what)
{
    for (size_t i = 0; i < size; ++i) {
        if (memory[i] != 0) {
            fail("%s left what lay in byte %u", what, (unsigned)i);
        }
    }
}

static void null_states(struct journey *j, unsigned char *row)
{
    const struct net *net = j->net;
    const size_t size = offset_of(net, net->outputs);
    unsigned char *finished = allocate(size);
    unsigned output;
    memset(row, 0x5A, net->out_bytes);
    expect(net->pop(NULL, &output, row), NULL_POINTER, "pop without state");
    check_blank(row, net->out_bytes, "pop without state");
    memset(row, 0x5A, net->out_bytes);
    expect(net->pop_pixels(NULL, &output, row), NULL_POINTER, "pop of pixels without state");
    check_blank(row, net->out_bytes / 2, "pop of pixels without state");
    memset(finished, 0x5A, size);
    expect(net->run(NULL, j->picture, finished), NULL_POINTER, "run without state");
    check_blank(finished, size, "run without state");
    memset(finished, 0x5A, size);
    expect(net->run_pixels(j->state, NULL, finished), NULL_POINTER, "run without pixels");
    check_blank(finished, size / 2, "run without pixels");
    release(finished, size);
}

/* Calls that the header forbids, or that come at the wrong time, change nothing. */
static void rude(struct journey *j)
{
    const struct net *net = j->net;
    unsigned char *row = allocate(net->out_bytes);
    unsigned output;
    int status;
    expect(net->begin(NULL), NULL_POINTER, "begin without state");
    begin(j);
    do {
        expect(net->push(NULL, j->picture), NULL_POINTER, "push without state");
        expect(net->push(j->state, NULL), NULL_POINTER, "push without row");
        expect(net->push_pixels(j->state, NULL), NULL_POINTER, "push of pixels without row");
        null_states(j, row);
        expect(net->pop(j->state, &output, NULL), NULL_POINTER, "pop without row");
        expect(net->pop_pixels(j->state, &output, NULL), NULL_POINTER, "pop of pixels without row");
        status = pop_next(j); /* the first time, before any row went in */
        if (status == NEED_ROW) {
            expect(pop_next(j), NEED_ROW, "pop, asked again,");
            expect(push_next(j), OK, "push");
        }
    } while (status != END);
    check_complete(j);
    if (j->pushed < net->in_height) {
        fail("gave its last row after %u picture rows", (unsigned)j->pushed);
    }
    expect(pop_next(j), END, "pop after the end");
    expect(pop_next(j), END, "pop after the end, asked again,");
    expect(net->run(j->state, j->picture, NULL), NULL_POINTER, "run without room");
    expect(net->run_pixels(j->state, NULL, NULL), NULL_POINTER, "run without pixels");
    release(row, net->out_bytes);
}

/* Nobody begins: the next picture's first row does. */
static void begun_once(struct journey *j)
{
    static const struct net *before;
    if (before != j->net) {
        begin(j);
        before = j->net;
    }
    while (j->pushed < j->net->in_height) {
        expect(push_next(j), OK, "push");
        while (pop_next(j) == OK) {
        }
    }
    check_complete(j);
}

/* One buffer both ways, no status read, one row out for each that goes in: no row of the camera comes out again. */
static void careless(struct journey *j)
{
    const size_t in = j->net->in_bytes, out = j->net->out_bytes, size = in > out ? in : out;
    unsigned char *row = allocate(size);
    const unsigned char *picture = j->picture;
    begin(j);
    for (int frame = 0; frame < 3; ++frame) {
        for (size_t y = 0; y < j->net->in_height; ++y) {
            memset(row, 0x5A, size); /* a camera's row that is like no other */
            (void)!j->push(j->state, row);
            unsigned output = 0;
            const int finished = j->pop(j->state, &output, row) == 0; /* a net that only moves pixels gives such rows by right */
            size_t same = 0;
            while (same < out && row[same] == 0x5A) {
                ++same;
            }
            if (!finished && same == out && out > 8) {
                fail("frame %d: row %u of the camera came out", frame, (unsigned)y);
            }
        }
    }
    release(row, size);
    j->picture = picture;
    pop_early(j);
}

#ifndef KEEPS_TRACK_OF_UNWRITTEN_MEMORY
/* One node has made another's rows: the counters add up, and are no picture's all the same. */
static void move_rows(unsigned char *counters, size_t from, size_t to)
{
    uint16_t done[2];
    memcpy(&done[0], counters + 2 * from, 2);
    memcpy(&done[1], counters + 2 * to, 2);
    done[1] = (uint16_t)(done[0] + done[1]);
    done[0] = 0;
    if (from != to) {
        memcpy(counters + 2 * from, &done[0], 2);
        memcpy(counters + 2 * to, &done[1], 2);
    }
}
#endif

/* Any bit of the counters flips, at any time: nothing is read or written outside, and nothing clear comes out. */
static void flipped(struct journey *j)
{
    const size_t in = j->net->in_bytes, out = j->net->out_bytes, counters = j->net->counters_at;
    const size_t bits = 8 * (j->net->state_bytes - counters);
    unsigned char *row = allocate(in > out ? in : out), *kept = allocate(j->net->state_bytes);
    begin(j);
    while (2 * j->pushed < j->net->in_height && step(j)) {
    }
    memcpy(kept, j->state, j->net->state_bytes);
    for (size_t bit = 0; bit < bits; ++bit) {
        memcpy(j->state, kept, j->net->state_bytes);
        j->state[counters + bit / 8] ^= (unsigned char)(1u << bit % 8);
        memset(row, 0x5A, in > out ? in : out);
        unsigned output = 0;
        const int pushed = j->push(j->state, row), popped = j->pop(j->state, &output, row);
        if (pushed == DAMAGED) {
            expect(popped, DAMAGED, "pop of a damaged state");
        } else if (bit < 16 * j->net->nodes) { /* behind the counters of rows may lie padding */
            fail("bit %u of the counters flipped, and push returned %d", (unsigned)bit, pushed);
        }
        for (size_t i = 0; popped == DAMAGED && i < out; ++i) {
            if (row[i] != 0) {
                fail("a damaged state left a row as it was");
            }
        }
    }
#ifndef KEEPS_TRACK_OF_UNWRITTEN_MEMORY /* rows of other places may have been never written */
    for (size_t pair = 0; pair < j->net->nodes * j->net->nodes; ++pair) {
        memcpy(j->state, kept, j->net->state_bytes);
        move_rows(j->state + counters, pair / j->net->nodes, pair % j->net->nodes);
        unsigned output = 0;
        const int pushed = j->push(j->state, row), popped = j->pop(j->state, &output, row);
        if (pushed == DAMAGED) { /* others go on with rows of other places, which a sanitizer watches */
            expect(popped, DAMAGED, "pop of a state with rows of another node");
        }
    }
#endif
    release(row, in > out ? in : out);
    release(kept, j->net->state_bytes);
    pop_early(j);
}

/* The picture's bytes are pixels 0 to 255, and so are the output's. Both ways must agree. */
static void pixels(struct journey *j)
{
    const size_t size = offset_of(j->net, j->net->outputs);
    unsigned char *once = allocate(size);
    expect(j->net->run_pixels(j->state, j->picture, once), OK, "run");
    j->push = j->net->push_pixels;
    j->pop = j->net->pop_pixels;
    pop_early(j);
    if (memcmp(once, j->finished, size) != 0) {
        fail("run and rows differ");
    }
    release(once, size);
}

static const struct {
    const char *name;
    void (*send)(struct journey *j);
} modes[] = {
    {"whole", whole}, {"pop_early", pop_early}, {"pop_late", pop_late}, {"rude", rude}, {"midframe", midframe},
    {"side_by_side", side_by_side}, {"all_zero", all_zero}, {"begun_once", begun_once}, {"careless", careless}, {"flipped", flipped}, {"pixels", pixels},
};

#define MODES (sizeof modes / sizeof modes[0])

static void run_net(const struct net *net, const char *mode, unsigned pictures, unsigned *turn)
{
    const size_t in_size = net->in_height * net->in_bytes, out_size = offset_of(net, net->outputs);
    unsigned char *state = allocate(net->state_bytes);
    current = net;
    for (unsigned i = 0; i < pictures; ++i) {
        unsigned char *picture = allocate(in_size), *finished = allocate(out_size);
        struct journey journey = start(net, state, picture, finished);
        size_t m = 0;
        if (fread(picture, 1, in_size, stdin) != in_size) {
            fail("too few pictures");
        }
        if (strcmp(mode, "mixed") == 0) {
            m = (*turn)++ % (MODES - 1); /* pixels mean other numbers */
        } else {
            while (m < MODES - 1 && strcmp(mode, modes[m].name) != 0) {
                ++m;
            }
        }
        current_mode = modes[m].name;
        modes[m].send(&journey);
        fwrite(finished, 1, out_size, stdout);
        release(picture, in_size);
        release(finished, out_size);
    }
    release(state, net->state_bytes);
}

int main(int count, char **arguments)
{
    unsigned turn = 0;
    if (count != 4) {
        return 2;
    }
    current = nets;
    current_mode = "start";
    fill_byte = atoi(arguments[3]);
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; ++i) {
        run_net(&nets[i], arguments[1], (unsigned)atoi(arguments[2]), &turn);
    }
    return 0;
}
