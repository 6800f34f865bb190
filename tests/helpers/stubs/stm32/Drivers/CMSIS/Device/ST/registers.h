/* What the series have in common. */
#pragma once
#include <stdint.h>

typedef struct {
    volatile uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFR[2];
} GPIO_TypeDef;

#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
