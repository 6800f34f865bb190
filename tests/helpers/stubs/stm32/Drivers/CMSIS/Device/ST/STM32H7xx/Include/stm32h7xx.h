/* RM0433. */
#pragma once
#if !defined(STM32H743xx)
#error "which chip?"
#endif
#include "../../registers.h"

#include "../../caches.h"
#include "../../new_usart.h"

typedef struct {
    volatile uint32_t before[56], AHB4ENR, reserved, APB1LENR;
} RCC_TypeDef;
#define RCC ((RCC_TypeDef *)0x58024400u)
#define GPIOD ((GPIO_TypeDef *)0x58020C00u)
#define USART3 ((USART_TypeDef *)0x40004800u)
#define RCC_AHB4ENR_GPIODEN (1u << 3)
#define RCC_APB1LENR_USART3EN (1u << 18)
