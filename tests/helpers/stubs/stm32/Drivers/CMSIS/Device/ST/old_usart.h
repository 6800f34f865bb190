#pragma once
typedef struct {
    volatile uint32_t SR, DR, BRR, CR1, CR2, CR3;
} USART_TypeDef;
#define USART_SR_RXNE (1u << 5)
#define USART_CR1_UE (1u << 13)
