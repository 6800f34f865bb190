/* Runs generated nets on an emulated board, one picture after the other through each, and watches what lies around them.
 *
 * nets.h, written by the test, includes the headers of the nets and lists them:
 *     #define NETS(NET) NET(first, FIRST) NET(second, SECOND)
 */
#include <string.h>

#include "nets.h"
#include "port.h"
#include "stack.h"

enum { PICTURES = 2, GUARD = 64, CANARY = 0x5C };

static int damaged;

static void watch(const uint8_t *guard)
{
    for (int i = 0; i < GUARD; ++i) {
        damaged |= guard[i] != CANARY;
    }
}

#define RUN(net, NET) \
    { \
        static struct { \
            uint8_t before[GUARD]; \
            net##_state state; \
            uint8_t picture[NET##_INPUT_HEIGHT * NET##_INPUT_ROW_BYTES]; \
            uint8_t between[GUARD]; \
            uint8_t finished[NET##_OUTPUT_HEIGHT * NET##_OUTPUT_ROW_BYTES]; \
            uint8_t after[GUARD]; \
        } memory; \
        memset(&memory, CANARY, sizeof memory); \
        for (int i = 0; i < PICTURES; ++i) { \
            port_read(memory.picture, sizeof memory.picture); \
            if (net##_run_raw(&memory.state, (const void *)memory.picture, (void *)memory.finished) != NET##_OK) { \
                damaged = 1; \
            } \
            port_write(memory.finished, sizeof memory.finished); \
        } \
        watch(memory.before); \
        watch(memory.between); \
        watch(memory.after); \
    }

int main(void)
{
    port_begin();
    NETS(RUN)
    port_report("frame", 0);
    port_report("calibration_ticks", 0);
    port_report("calibration_instructions", 0);
    port_report("stack", stack_peak());
    port_report("ram", 0);
    port_report("end", damaged ? 3 : 1);
    return 0;
}
