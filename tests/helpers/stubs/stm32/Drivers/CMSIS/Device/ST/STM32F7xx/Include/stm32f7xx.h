/* RM0385. */
#pragma once
#if !defined(STM32F746xx)
#error "which chip?"
#endif
#include "../../registers.h"

#include "../../caches.h"
#include "../../new_usart.h"

typedef struct {
    volatile uint32_t before[12], AHB1ENR, AHB2ENR, AHB3ENR, reserved, APB1ENR, APB2ENR;
} RCC_TypeDef;
#define RCC ((RCC_TypeDef *)0x40023800u)
#define GPIOD ((GPIO_TypeDef *)0x40020C00u)
#define USART3 ((USART_TypeDef *)0x40004800u)
#define RCC_AHB1ENR_GPIODEN (1u << 3)
#define RCC_APB1ENR_USART3EN (1u << 18)
