/* From reset to main on an Arm Cortex-M: vector table, floating-point unit if there is one, memory.
 * The symbols that begin with `memory_` come from the linker script. */
#include <stdint.h>

extern uint32_t memory_stack_top;

/* Variables that begin with values, which are stored in the flash: some in each piece of RAM. */
struct copied {
    uint32_t *first, *end;
    const uint32_t *stored;
};
extern const struct copied memory_copied[], memory_copied_end[];

/* Variables that begin as zeros. */
struct cleared {
    uint32_t *first, *end;
};
extern const struct cleared memory_cleared[], memory_cleared_end[];

int main(void);
void Reset_Handler(void);
void Default_Handler(void);
void HardFault_Handler(void) __attribute__((weak, alias("Default_Handler")));
void SysTick_Handler(void) __attribute__((weak, alias("Default_Handler")));

typedef void (*handler)(void);

/* Stack, and the exceptions of every Cortex-M. Add those of your chip's peripherals as you use
 * them. A union: the first entry is data, the others are functions. */
static const union {
    const void *stack;
    handler function;
} vectors[16] __attribute__((used, section(".vectors"))) = {
    [0] = {.stack = &memory_stack_top},
    [1] = {.function = Reset_Handler},
    [2] = {.function = Default_Handler},   /* NMI */
    [3] = {.function = HardFault_Handler}, /* all faults: no other is enabled */
    [11] = {.function = Default_Handler},  /* SVCall */
    [14] = {.function = Default_Handler},  /* PendSV */
    [15] = {.function = SysTick_Handler},
};

void Reset_Handler(void)
{
    /* A boot loader may have left its own there. A Cortex-M0 ignores it: it has none but this. */
    volatile uint32_t *const vector_table = (volatile uint32_t *)0xE000ED08;
    *vector_table = (uint32_t)(uintptr_t)vectors;
#ifdef __ARM_FP
    /* Full access to the floating-point unit, before its first instruction. */
    volatile uint32_t *const access_control = (volatile uint32_t *)0xE000ED88;
    *access_control |= 0xFU << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif

    /* Through volatile pointers: the C library's functions, which a compiler would call for it, are
     * larger than a kernel. */
    for (const struct copied *part = memory_copied; part != memory_copied_end; part++) {
        const uint32_t *stored = part->stored;
        for (volatile uint32_t *word = part->first; word != part->end; word++) {
            *word = *stored++;
        }
    }
    for (const struct cleared *part = memory_cleared; part != memory_cleared_end; part++) {
        for (volatile uint32_t *word = part->first; word != part->end; word++) {
            *word = 0;
        }
    }

    main();
    Default_Handler();
}

/* Something that nobody expected: stay here for the debugger. */
void Default_Handler(void)
{
    for (;;) {
    }
}
