/* Runs the network on every input of the file inputs.bin and writes outputs.bin; measurements.txt
 * gets the time of all calls of network_run and the deepest stack. If there is expected.bin with the
 * outputs of the network before it was compressed, says on how many inputs both choose the same class,
 * and fails on fewer than there should be. Files are those of whoever runs this program by
 * semihosting. */
#include "example.h"
#include "network.h"
#include "semihosting.h"

#include <stdint.h>

static volatile uint32_t *const systick_control = (volatile uint32_t *)0xE000E010;
static volatile uint32_t *const systick_reload = (volatile uint32_t *)0xE000E014;
static volatile uint32_t *const systick_value = (volatile uint32_t *)0xE000E018;

enum { SYSTICK_PERIOD = 1 << 24 }; /* the counter has 24 bits and counts down */

static volatile uint32_t systick_wraps;

void SysTick_Handler(void)
{
    systick_wraps++;
}

static void start_clock(void)
{
    systick_wraps = 0;
    *systick_reload = SYSTICK_PERIOD - 1;
    *systick_value = 0;    /* any write: it starts over from the reload value */
    *systick_control = 7U; /* on, with interrupt, from the processor's clock */
}

/* Ticks since start_clock. */
static uint64_t stop_clock(void)
{
    const uint32_t left = *systick_value;
    *systick_control = 0;
    return (uint64_t)systick_wraps * SYSTICK_PERIOD + (SYSTICK_PERIOD - 1 - left);
}

extern uint32_t memory_stack_bottom;

static const uint32_t paint = 0xA5A5A5A5U;

/* Fills what is free of the stack; returns where that ends. */
static uint32_t *paint_stack(void)
{
    uint32_t *top;
    __asm__ volatile("mov %0, sp" : "=r"(top));
    for (volatile uint32_t *word = &memory_stack_bottom; word < top; word++) {
        *word = paint;
    }
    return top;
}

/* Bytes between `top` and the deepest word that is no longer painted. */
static uint32_t stack_used(const uint32_t *top)
{
    const uint32_t *word = &memory_stack_bottom;
    while (word < top && *word == paint) {
        word++;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)word);
}

static void fail(const char *message)
{
    semihosting_print(message);
    semihosting_exit(1);
}

void HardFault_Handler(void)
{
    fail("selftest: hard fault\n");
}

/* A Cortex-M0 faults on addresses that are no multiple of what is read there. The larger core that
 * stands in for it under the emulator does so when told. */
static void fault_on_unaligned_addresses(void)
{
#ifdef __ARM_ARCH_6M__
    volatile uint32_t *const configuration = (volatile uint32_t *)0xE000ED14;
    *configuration |= 1U << 3;
#endif
}

static int largest(const float *values)
{
    int best = 0;
    for (int i = 1; i < NETWORK_OUTPUT_LENGTH; i++) {
        best = values[i] > values[best] ? i : best;
    }
    return best;
}

/* Says how many agree, and whether that is as many as should. */
static int report(uint32_t agreeing, uint32_t inputs)
{
    const uint32_t hundredths = (uint32_t)((uint64_t)agreeing * 10000U / inputs);
    semihosting_print("X-CROSS accuracy ");
    semihosting_print_decimal(hundredths / 100U, 1);
    semihosting_print(".");
    semihosting_print_decimal(hundredths % 100U, 2);
    semihosting_print(" % (");
    semihosting_print_decimal(agreeing, 1);
    semihosting_print(" of ");
    semihosting_print_decimal(inputs, 1);
    semihosting_print(" inputs)\n");
    if (agreeing + 1U > NETWORK_SELFTEST_AGREEING) {
        return 0;
    }
    semihosting_print("selftest: fewer than ");
    semihosting_print_decimal(NETWORK_SELFTEST_AGREEING, 1);
    semihosting_print("\n");
    return 1;
}

int main(void)
{
    static float input[NETWORK_INPUT_LENGTH];
    static float output[NETWORK_OUTPUT_LENGTH];
    static float expected[NETWORK_OUTPUT_LENGTH];
    fault_on_unaligned_addresses();
    const int inputs = semihosting_open("inputs.bin", SEMIHOSTING_READ);
    const int outputs = semihosting_open("outputs.bin", SEMIHOSTING_WRITE);
    const int measurements = semihosting_open("measurements.txt", SEMIHOSTING_WRITE);
    if (inputs < 0 || outputs < 0 || measurements < 0) {
        fail("selftest: cannot open inputs.bin, outputs.bin and measurements.txt\n");
    }
    const int expectations = semihosting_open("expected.bin", SEMIHOSTING_READ);
    uint32_t run = 0;
    uint32_t agreeing = 0;
    uint64_t ticks = 0;
    const uint32_t *top = paint_stack();
    while (semihosting_read(inputs, input, sizeof input) == 0) {
        network_prepare(input);
        start_clock();
        network_run(input, output);
        ticks += stop_clock();
        if (semihosting_write(outputs, output, sizeof output) != 0) {
            fail("selftest: cannot write outputs.bin\n");
        }
        if (expectations >= 0) {
            if (semihosting_read(expectations, expected, sizeof expected) != 0) {
                fail("selftest: expected.bin is too short\n");
            }
            agreeing += largest(output) == largest(expected) ? 1U : 0U;
        }
        run++;
    }
    semihosting_print_number(measurements, "ticks", ticks);
    semihosting_print_number(measurements, "stack_bytes", stack_used(top));
    semihosting_close(outputs);
    semihosting_close(measurements);
    semihosting_exit(expectations >= 0 && run > 0 ? report(agreeing, run) : 0);
    return 0;
}
