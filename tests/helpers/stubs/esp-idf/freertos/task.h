#pragma once
typedef struct tskTaskControlBlock *TaskHandle_t;
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
