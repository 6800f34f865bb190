/* Generated streaming nets in the hands of libFuzzer: an input is a net, a fill byte and a list of calls.
 *
 * While nothing was damaged, every status must be the one that the header promises, and what comes out row by row must
 * be what a second state makes of the whole picture at once. Whatever is damaged, no byte outside may be touched, which
 * the sanitizers watch, and a pop that gives no row leaves no camera's row behind. */
#define main stream_harness_main
#include "stream_harness.c"
#undef main

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct calls {
    const uint8_t *next;
    size_t left;
};

/* A caller, and what it may expect. */
struct caller {
    struct journey journey;
    int sound;      /* nothing damaged the counters since begin */
    int comparable; /* nor the rows on their way */
};

static uint8_t take(struct calls *calls)
{
    if (calls->left == 0) {
        return 0;
    }
    --calls->left;
    return *calls->next++;
}

static void paint(unsigned char *row, size_t size, uint8_t seed)
{
    uint32_t random = seed * 2654435761u + 1u;
    for (size_t i = 0; i < size; ++i) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        row[i] = (unsigned char)(random >> 24);
    }
}

static void compare_with_whole(const struct journey *j)
{
    const size_t size = offset_of(j->net, j->net->outputs);
    unsigned char *state = allocate(j->net->state_bytes), *finished = allocate(size);
    expect(j->net->run(state, j->picture, finished), OK, "run of a second state");
    if (memcmp(finished, j->finished, size) != 0) {
        fail("row by row and at once differ");
    }
    release(state, j->net->state_bytes);
    release(finished, size);
}

static void fresh(struct caller *c)
{
    c->journey.pushed = c->journey.popped = 0;
    memset(c->journey.popped_of, 0, sizeof c->journey.popped_of);
    c->sound = c->comparable = 1;
}

static void push_any(struct caller *c, uint8_t seed, int (*push)(void *, const void *))
{
    struct journey *j = &c->journey;
    const size_t bytes = j->net->in_bytes;
    unsigned char *row = malloc(bytes);
    int status;
    if (row == NULL) {
        return;
    }
    paint(row, bytes, seed);
    status = push(j->state, row);
    if (c->sound && status != OK) {
        expect(status, ROW_READY, "push");
    }
    if (c->sound && status == OK) {
        if (j->popped == rows_of(j->net)) {
            fresh(c);
        }
        if (j->pushed == j->net->in_height) {
            fail("took in more rows than a picture has");
        }
        memcpy((unsigned char *)j->picture + j->pushed++ * bytes, row, bytes);
        c->comparable = c->comparable && push == j->net->push;
    }
    free(row);
}

static void pop_any(struct caller *c, int (*pop)(void *, unsigned *, void *))
{
    struct journey *j = &c->journey;
    const size_t bytes = j->net->out_bytes;
    unsigned char *row = allocate(bytes);
    unsigned output = 0;
    const int status = pop(j->state, &output, row);
    for (size_t i = 0; (status == NEED_ROW || status == DAMAGED) && i < bytes; ++i) {
        if (row[i] != 0) {
            fail("status %d left a row as it was", status);
        }
    }
    if (c->sound) {
        c->comparable = c->comparable && pop == j->net->pop;
        if (status == OK) {
            keep_row(j, output, row);
            if (j->popped == rows_of(j->net) && c->comparable) {
                compare_with_whole(j);
            }
        } else if (j->popped == rows_of(j->net)) {
            expect(status, END, "pop after the last row");
        } else {
            expect(status, NEED_ROW, "pop");
            if (j->pushed == j->net->in_height) {
                fail("wants more rows than a picture has");
            }
        }
    }
    release(row, bytes);
}

static void damage(struct caller *c, struct calls *calls)
{
    const size_t bytes = c->journey.net->state_bytes, at = (take(calls) | (size_t)take(calls) << 8) % bytes;
    const uint8_t bits = take(calls);
    c->journey.state[at] ^= bits;
    c->comparable = c->comparable && bits == 0;
    c->sound = c->sound && (bits == 0 || at < c->journey.net->counters_at);
}

static void overwrite(struct caller *c, struct calls *calls)
{
    const struct net *net = c->journey.net;
    const size_t room = net->state_bytes - net->counters_at, bytes = calls->left < room ? calls->left : room;
    memcpy(c->journey.state + net->counters_at, calls->next, bytes);
    calls->next += bytes;
    calls->left -= bytes;
    c->sound = c->comparable = 0;
}

static void null_pointers(const struct caller *c)
{
    const struct net *net = c->journey.net;
    unsigned char byte = 0, *row = malloc(net->out_bytes);
    unsigned output;
    expect(net->begin(NULL), NULL_POINTER, "begin without state");
    expect(net->push(NULL, &byte), NULL_POINTER, "push without state");
    expect(net->push(c->journey.state, NULL), NULL_POINTER, "push without row");
    if (row != NULL) {
        expect(net->pop(NULL, &output, row), NULL_POINTER, "pop without state");
    }
    free(row);
    expect(net->pop(c->journey.state, &output, NULL), NULL_POINTER, "pop without row");
    expect(net->run(c->journey.state, NULL, NULL), NULL_POINTER, "run without pictures");
}

static void call(struct caller *c, struct calls *calls)
{
    struct journey *j = &c->journey;
    const struct net *net = j->net;
    const uint8_t what = take(calls), argument = what >> 4;
    switch (what & 15) {
    case 0: case 1: case 2: case 3: case 4:
        push_any(c, argument, net->push);
        break;
    case 5: case 6: case 7: case 8:
        pop_any(c, net->pop);
        break;
    case 9:
        expect(net->begin(j->state), OK, "begin");
        fresh(c);
        break;
    case 10:
        null_pointers(c);
        break;
    case 11:
        for (size_t y = 0; y < net->in_height; ++y) {
            paint((unsigned char *)j->picture + y * net->in_bytes, net->in_bytes, (uint8_t)(argument + y));
        }
        expect(net->run(j->state, j->picture, j->finished), OK, "run");
        fresh(c);
        j->pushed = net->in_height;
        j->popped = rows_of(net);
        for (size_t i = 0; i < net->outputs; ++i) {
            j->popped_of[i] = net->heights[i];
        }
        break;
    case 12:
        damage(c, calls);
        break;
    case 13:
        overwrite(c, calls);
        break;
    case 14:
        memset(j->state, 0, net->state_bytes);
        fresh(c);
        break;
    default:
        if (argument & 1) {
            push_any(c, argument, net->push_pixels);
        } else {
            pop_any(c, net->pop_pixels);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct calls calls = {data, size};
    const struct net *net = &nets[take(&calls) % (sizeof nets / sizeof nets[0])];
    const size_t in_size = net->in_height * net->in_bytes, out_size = offset_of(net, net->outputs);
    struct caller caller = {{0}, 0, 0};
    (void)stream_harness_main;
    current = net;
    current_mode = "fuzz";
    fill_byte = take(&calls);
    caller.journey = start(net, allocate(net->state_bytes), allocate(in_size), allocate(out_size));
    for (int i = 0; calls.left > 0 && i < 300; ++i) {
        call(&caller, &calls);
    }
    release(caller.journey.state, net->state_bytes);
    release((unsigned char *)caller.journey.picture, in_size);
    release(caller.journey.finished, out_size);
    return 0;
}
