/* The serial firmware as a program: the line is standard input and output, and SIGUSR1 resets the board. */
#define _POSIX_C_SOURCE 200809L
#include "platform.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

static uint8_t written[4096];
static size_t count;
static char *const *again;

static void reset(int number)
{
    signal(number, SIG_IGN); /* until the program that follows hears it */
    execv(again[0], again);
    _exit(3);
}

void platform_begin(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = reset;
    action.sa_flags = SA_NODEFER; /* else it would stay blocked in the program that follows */
    sigaction(SIGUSR1, &action, NULL);
}

int platform_read_byte(void)
{
    uint8_t byte;
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        exit(0);
    }
    return byte;
}

void platform_write_byte(uint8_t byte)
{
    written[count++] = byte;
    if (count == sizeof written) {
        platform_flush();
    }
}

void platform_flush(void)
{
    if (write(STDOUT_FILENO, written, count) < 0) {
        exit(1);
    }
    count = 0;
}

uint32_t platform_ticks(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000000u + (uint32_t)(now.tv_nsec / 1000);
}

uint32_t platform_tick_hz(void)
{
    return 1000000;
}

uint32_t platform_stack_peak(void)
{
    return PLATFORM_UNKNOWN;
}

int main(int argc, char **argv)
{
    (void)argc;
    again = argv;
    platform_begin();
    for (;;) {
        protocol_take((uint8_t)platform_read_byte());
    }
}
