/* All short orders of calls of a veil whose finder sees no face, so that only what is withheld is grey.
 *
 * A frame has ROWS rows. Whatever the caller does, a row may leave clear only if a whole frame, row by row in order, was
 * looked at just before (live), or if all rows that its own mask needs were (rows, buffer). The model below knows; the
 * program stops at the first row that leaves clear against it, and says which calls led there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define ROWS MODEL_FRAME_HEIGHT
#define ROW MODEL_ROW_BYTES
#define LONGEST 64 /* calls of an order */

enum call {
    NEXT,   /* the row that is due */
    REPEAT, /* the one before it */
    SKIP,   /* the one after it */
    FIRST,  /* row 0 of a new frame */
    SHORT,  /* the row that is due, a byte short */
    BEGIN,
    LOST,
    FLIP,   /* a bit of the state turns over */
    NOTHING, /* null pointers */
    CALLS
};

static const char *const names[CALLS] = {"next", "repeat", "skip", "first", "short", "begin", "lost", "flip", "null"};

static model_state state;
static unsigned due, seen;         /* the row that is due; rows of this frame that came in order */
static int whole;                  /* live: the frame before was looked at whole, and nothing went wrong since */
static unsigned clear_rows, calls; /* that anything was tested at all */
static enum call order[LONGEST];
static unsigned length;
static unsigned flipped;

static void stop(const char *why)
{
    fprintf(stderr, "%s after", why);
    for (unsigned i = 0; i < length; ++i) {
        fprintf(stderr, " %s", names[order[i]]);
    }
    fprintf(stderr, "\n");
    exit(1);
}

/* Pixels that are never the grey of a blind row. */
static void paint(uint8_t *row, size_t size)
{
    for (size_t i = 0; i < size; ++i) {
        row[i] = (uint8_t)(i * 7u + 1u) == 128u ? 1u : (uint8_t)(i * 7u + 1u);
    }
}

static int is_clear(const uint8_t *row, size_t size)
{
    uint8_t painted[ROW];
    paint(painted, sizeof painted);
    for (size_t i = 0; i < size; ++i) {
        if (row[i] == painted[i]) {
            return 1;
        }
    }
    return 0;
}

static void forget(void)
{
    seen = due = 0;
    whole = 0;
}

/* Each time another byte: of what is remembered between frames, or of the counters, which are looked at in each call. */
static void flip(void)
{
    static const size_t parts[3][2] = {{offsetof(model_state, left), sizeof state - offsetof(model_state, left)},
                                       {offsetof(model_state, held), sizeof state.held},
                                       {offsetof(model_state, squares), sizeof state.squares}};
    const size_t *part = parts[due == 0 ? flipped % 3u : 0u];
    ((uint8_t *)&state)[part[0] + flipped * 13u % part[1]] ^= (uint8_t)(1u << flipped % 8u);
    ++flipped;
}

#if defined(MODEL_HOLD_LIVE)
static void give(unsigned y, size_t size)
{
    uint8_t row[ROW];
    model_status status;
    int clear;
    paint(row, sizeof row);
    status = model_veil_row(&state, y, row, size);
    clear = is_clear(row, size);
    if (clear && !(whole && size == ROW && y == due)) {
        stop("a row left clear");
    }
    if (clear != (status == MODEL_OK)) {
        stop("the status does not say whether the row is clear");
    }
    clear_rows += clear != 0;
    if (size != ROW || (y != due && y != 0)) {
        forget();
    } else {
        whole = whole && y == due;
        seen = y == 0 ? 1 : seen + 1;
        due = seen % ROWS;
        if (seen == ROWS) {
            seen = 0;
            whole = 1;
        }
    }
}

static void start_frame(void)
{
    give(0, ROW);
}
#elif defined(MODEL_HOLD_ROWS)
static unsigned given; /* rows of this frame that came out */

static void take(void)
{
    for (;;) {
        uint8_t row[ROW];
        unsigned y = 99;
        paint(row, sizeof row);
        if (model_pop_row(&state, &y, row, sizeof row) != MODEL_OK) {
            if (is_clear(row, sizeof row)) {
                stop("a row left clear that was not ready");
            }
            return;
        }
        if (y != given || (seen != 0 && y >= seen)) {
            stop("a row left that did not come");
        }
        ++clear_rows;
        given = (given + 1) % ROWS;
    }
}

static void give(unsigned y, size_t size)
{
    uint8_t row[ROW];
    model_status status;
    paint(row, sizeof row);
    status = model_push_row(&state, y, row, size);
    if (size != ROW || (y != due && y != 0)) {
        if (status == MODEL_OK) {
            stop("a wrong row was taken");
        }
        forget();
        given = 0;
    } else {
        if (y != due) {
            given = 0;
        }
        seen = y == 0 ? 1 : seen + 1;
        due = seen % ROWS;
        if (seen == ROWS) {
            seen = 0;
        }
    }
    take();
}

static void start_frame(void)
{
    give(0, ROW);
}
#endif

static void call(enum call what)
{
    uint8_t row[ROW];
    ++calls;
    paint(row, sizeof row);
    switch (what) {
    case NEXT:
        give(due, ROW);
        break;
    case REPEAT:
        give((due + ROWS - 1) % ROWS, ROW);
        break;
    case SKIP:
        give((due + 1) % ROWS, ROW);
        break;
    case FIRST:
        start_frame();
        break;
    case SHORT:
        give(due, ROW - 1);
        break;
    case BEGIN:
        if (model_begin(&state) != MODEL_OK) {
            stop("begin failed");
        }
        forget();
        break;
    case LOST:
        (void)model_frame_lost(&state);
        forget();
        break;
    case FLIP:
        flip();
        forget();
        break;
    default:
#if defined(MODEL_HOLD_LIVE)
        if (model_veil_row(NULL, due, row, ROW) != MODEL_NULL || is_clear(row, ROW) ||
            model_veil_row(&state, due, NULL, ROW) != MODEL_NULL) {
            stop("null went through");
        }
#else
        if (model_push_row(NULL, due, row, ROW) != MODEL_NULL || model_push_row(&state, due, NULL, ROW) != MODEL_NULL ||
            model_pop_row(NULL, &due, row, ROW) != MODEL_NULL || is_clear(row, ROW)) {
            stop("null went through");
        }
#endif
        break;
    }
#if defined(MODEL_HOLD_ROWS)
    if (what == BEGIN || what == LOST || what == FLIP) {
        given = 0;
        take();
    }
#endif
}

/* Each order begins on memory that holds anything, goes through its calls, and then through two whole frames: the
 * second one leaves clear. */
static void try_order(uint8_t memory)
{
    unsigned before;
    memset(&state, memory, sizeof state);
    forget();
#if defined(MODEL_HOLD_ROWS)
    given = 0;
#endif
    for (unsigned i = 0; i < length; ++i) {
        call(order[i]);
    }
    while (due != 0) {
        call(NEXT);
    }
    for (unsigned i = 0; i < 2 * ROWS; ++i) {
        call(NEXT);
    }
    before = clear_rows;
    for (unsigned i = 0; i < ROWS; ++i) {
        call(NEXT);
    }
    if (clear_rows != before + ROWS) {
        stop("a frame stayed grey for ever");
    }
}

int main(int count, char **arguments)
{
    uint8_t row[ROW];
    const unsigned longest = count > 1 ? (unsigned)atoi(arguments[1]) : 4;
    if (model_self_test(&state, row) != MODEL_OK || model_self_test(NULL, row) != MODEL_NULL) {
        stop("the self-test failed");
    }
    for (length = 0; length <= longest; ++length) {
        unsigned long orders = 1;
        for (unsigned i = 0; i < length; ++i) {
            orders *= CALLS;
        }
        for (unsigned long n = 0; n < orders; ++n) {
            unsigned long rest = n;
            for (unsigned i = 0; i < length; ++i, rest /= CALLS) {
                order[i] = (enum call)(rest % CALLS);
            }
            try_order((uint8_t)(n % 3 == 0 ? 0 : n * 31u));
        }
    }
    printf("%u calls, %u rows left clear\n", calls, clear_rows);
    return 0;
}
