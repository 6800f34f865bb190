/* RM0432. */
#pragma once
#if !defined(STM32L4R5xx)
#error "which chip?"
#endif
#include "../../registers.h"

#include "../../new_usart.h"

typedef struct {
    volatile uint32_t before[18], AHB1ENR, AHB2ENR, AHB3ENR, reserved, APB1ENR1, APB1ENR2;
} RCC_TypeDef;
typedef struct {
    volatile uint32_t CR1, CR2;
} PWR_TypeDef;
#define RCC ((RCC_TypeDef *)0x40021000u)
#define PWR ((PWR_TypeDef *)0x40007000u)
#define GPIOG ((GPIO_TypeDef *)0x48001800u)
#define LPUART1 ((USART_TypeDef *)0x40008000u)
#define RCC_AHB2ENR_GPIOGEN (1u << 6)
#define RCC_APB1ENR1_PWREN (1u << 28)
#define RCC_APB1ENR2_LPUART1EN (1u << 0)
#define PWR_CR2_IOSV (1u << 9)
