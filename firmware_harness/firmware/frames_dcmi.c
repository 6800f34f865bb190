/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#ifdef __has_include
#if __has_include("main.h")
#include "frames_dcmi.h"

#include <string.h>

#include "camera.h"

#ifndef HAL_DCMI_MODULE_ENABLED
#error "main.h knows no DCMI: enable it in STM32CubeMX, or leave frames_dcmi.c out"
#endif

static DCMI_HandleTypeDef *camera;

/* One frame by DMA; 1 if it came whole. A snapshot ends by itself: HAL's state is ready again after its last line. */
static int captured(DCMI_HandleTypeDef *dcmi, uint8_t *pixels, uint32_t timeout_ms)
{
    const uint32_t began = HAL_GetTick(), words = FRAMES_DCMI_BYTES / 4;
    dcmi->ErrorCode = HAL_DCMI_ERROR_NONE;
    /* HAL turns these off at the end of each snapshot, and would not hear of a fault in the next one. */
    __HAL_DCMI_CLEAR_FLAG(dcmi, DCMI_FLAG_ERRRI | DCMI_FLAG_OVRRI);
    __HAL_DCMI_ENABLE_IT(dcmi, DCMI_IT_ERR | DCMI_IT_OVR);
    if (HAL_DCMI_Start_DMA(dcmi, DCMI_MODE_SNAPSHOT, (uint32_t)(uintptr_t)pixels, words) != HAL_OK) {
        return 0;
    }
    while (HAL_DCMI_GetState(dcmi) == HAL_DCMI_STATE_BUSY) {
        if (HAL_GetTick() - began > timeout_ms) {
            return 0;
        }
    }
    return HAL_DCMI_GetError(dcmi) == HAL_DCMI_ERROR_NONE;
}

static int capture(DCMI_HandleTypeDef *dcmi, uint8_t *pixels, uint32_t timeout_ms)
{
    const int whole = captured(dcmi, pixels, timeout_ms);
    (void)HAL_DCMI_Stop(dcmi);
#if defined(__DCACHE_PRESENT) && __DCACHE_PRESENT
    SCB_InvalidateDCache_by_Addr((uint32_t *)(void *)pixels, FRAMES_DCMI_BYTES); /* DMA wrote behind its back */
#endif
    return whole;
}

frames_status frames_dcmi_get(DCMI_HandleTypeDef *dcmi, uint8_t *pixels, uint32_t timeout_ms)
{
    static frames_state state; /* all zero is a valid beginning */
    if (dcmi == NULL || pixels == NULL) {
        return FRAMES_NULL;
    }
    if (!capture(dcmi, pixels, timeout_ms)) {
        memset(pixels, 128, FRAMES_DCMI_BYTES); /* nobody looked at it */
        (void)frames_frame_lost(&state);
        return FRAMES_WRONG_SIZE;
    }
    return frames_blur_frame(&state, pixels, FRAMES_ROW_BYTES);
}

void frames_dcmi_begin(DCMI_HandleTypeDef *dcmi)
{
    camera = dcmi;
}

int camera_frame(uint8_t *pixels)
{
    return camera != NULL && capture(camera, pixels, 1000);
}
#endif
#endif
