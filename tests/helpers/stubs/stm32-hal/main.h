/* As much of ST's HAL (stm32f4xx_hal_dcmi.h and what it includes) as frames_dcmi.c uses. */
#pragma once
#include <stdint.h>

#define HAL_DCMI_MODULE_ENABLED

typedef enum { HAL_OK, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;
typedef enum {
    HAL_DCMI_STATE_RESET,
    HAL_DCMI_STATE_READY,
    HAL_DCMI_STATE_BUSY,
    HAL_DCMI_STATE_TIMEOUT,
    HAL_DCMI_STATE_ERROR
} HAL_DCMI_StateTypeDef;
typedef struct {
    volatile uint32_t CR, SR, RISR, IER, MISR, ICR;
} DCMI_TypeDef;
typedef struct {
    DCMI_TypeDef *Instance;
    volatile HAL_DCMI_StateTypeDef State;
    volatile uint32_t ErrorCode;
} DCMI_HandleTypeDef;

#define HAL_DCMI_ERROR_NONE 0u
#define DCMI_MODE_SNAPSHOT 2u
#define DCMI_FLAG_OVRRI 2u
#define DCMI_FLAG_ERRRI 4u
#define DCMI_IT_OVR 2u
#define DCMI_IT_ERR 4u
#define __HAL_DCMI_CLEAR_FLAG(handle, flags) ((handle)->Instance->ICR = (flags))
#define __HAL_DCMI_ENABLE_IT(handle, lines) ((handle)->Instance->IER |= (lines))

HAL_StatusTypeDef HAL_DCMI_Start_DMA(DCMI_HandleTypeDef *hdcmi, uint32_t mode, uint32_t data, uint32_t length);
HAL_StatusTypeDef HAL_DCMI_Stop(DCMI_HandleTypeDef *hdcmi);
HAL_DCMI_StateTypeDef HAL_DCMI_GetState(DCMI_HandleTypeDef *hdcmi);
uint32_t HAL_DCMI_GetError(DCMI_HandleTypeDef *hdcmi);
uint32_t HAL_GetTick(void);
