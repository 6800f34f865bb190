/* The firmware's port and timer on this host: frames come on standard input and go out on standard output. */
#include <stdio.h>

#include "infer.h"
#include "model.h"
#include "port.h"
#include "timer.h"

size_t port_read(void *bytes, size_t size)
{
    return fread(bytes, 1, size, stdin);
}

void port_write(const void *bytes, size_t size)
{
    fwrite(bytes, 1, size, stdout);
}

timer_ticks timer_now(void)
{
    return 0;
}

int main(void)
{
    static model_state state;
    static uint8_t row[MODEL_ROW_BYTES];
    uint64_t ticks;
    infer_status status;
    if (model_self_test(&state, row) != MODEL_OK) {
        return 9;
    }
    while ((status = infer(&ticks)) == INFER_DONE) {
    }
    return status == INFER_NO_PICTURE ? 0 : (int)status;
}
