#pragma once
typedef struct tskTaskControlBlock *TaskHandle_t;
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
typedef struct {
    void *storage[90];
} StaticTask_t;
UBaseType_t uxTaskPriorityGet(TaskHandle_t task);
TaskHandle_t xTaskCreateStaticPinnedToCore(void (*code)(void *), const char *name, uint32_t stack_bytes, void *parameter,
                                           UBaseType_t priority, StackType_t *stack, StaticTask_t *task,
                                           BaseType_t core);
