/* RM0383: memory map, chapters 6, 8 and 19. */
#pragma once
#if !defined(STM32F411xE) && !defined(STM32F446xx)
#error "which chip?"
#endif
#include "../../registers.h"

#include "../../old_usart.h"

typedef struct {
    volatile uint32_t before[12], AHB1ENR, AHB2ENR, AHB3ENR, reserved, APB1ENR, APB2ENR;
} RCC_TypeDef;
#define RCC ((RCC_TypeDef *)0x40023800u)
#define GPIOA ((GPIO_TypeDef *)0x40020000u)
#define USART2 ((USART_TypeDef *)0x40004400u)
#define RCC_AHB1ENR_GPIOAEN (1u << 0)
#define RCC_APB1ENR_USART2EN (1u << 17)
