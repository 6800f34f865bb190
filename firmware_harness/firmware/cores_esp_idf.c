/* SPDX-License-Identifier: Apache-2.0 */
/* The second core with ESP-IDF: a task that stays on it and sleeps between jobs, so that its idle task runs. */
#include "cores.h"

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#define SECOND_CORE 1

static SemaphoreHandle_t asked, done;
static void (*todo)(void *job);
static void *todo_job;

static void serve(void *unused)
{
    (void)unused;
    cores_serve();
}

void cores_serve(void)
{
    for (;;) {
        xSemaphoreTake(asked, portMAX_DELAY);
        todo(todo_job);
        xSemaphoreGive(done);
    }
}

void cores_start(void)
{
    static StaticTask_t task;
    static StaticSemaphore_t semaphores[2];
    asked = xSemaphoreCreateBinaryStatic(&semaphores[0]);
    done = xSemaphoreCreateBinaryStatic(&semaphores[1]);
    (void)xTaskCreateStaticPinnedToCore(serve, "edgeblur", cores_stack_bytes, NULL, uxTaskPriorityGet(NULL),
                                        (StackType_t *)cores_stack, &task, SECOND_CORE);
}

void cores_fork(void (*work)(void *job), void *job)
{
    if (asked == NULL) {
        cores_start();
    }
    todo = work;
    todo_job = job;
    xSemaphoreGive(asked);
}

void cores_join(void)
{
    xSemaphoreTake(done, portMAX_DELAY);
}
