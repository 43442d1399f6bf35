/* dense_shared8.c for many outputs, by the sixteen, and inputs many of which are zero. */
#include "autotinyml.h"
#include "dense_rows.h"

/* Adds to `sums` the products of `count` inputs with their rows of weights. */
#if defined(__arm__) && defined(__ARM_FP)

#define TWO_PRODUCTS(row, value, first, second)                                                    \
    "ldrb r8, [" row "], #1\n ldrb r9, [" row "], #1\n"                                            \
    "ldr r8, [r12, r8, lsl #2]\n ldr r9, [r12, r9, lsl #2]\n"                                      \
    "vmov s28, s29, r8, r9\n"                                                                      \
    "vfma.f32 " first ", " value ", s28\n vfma.f32 " second ", " value ", s29\n"
#define SIXTEEN_PRODUCTS(row, value)                                                               \
    TWO_PRODUCTS(row, value, "s0", "s1") TWO_PRODUCTS(row, value, "s2", "s3")                      \
    TWO_PRODUCTS(row, value, "s4", "s5") TWO_PRODUCTS(row, value, "s6", "s7")                      \
    TWO_PRODUCTS(row, value, "s8", "s9") TWO_PRODUCTS(row, value, "s10", "s11")                    \
    TWO_PRODUCTS(row, value, "s12", "s13") TWO_PRODUCTS(row, value, "s14", "s15")

/* As the C below, but up to four rows at a time, sixteen sums of each. */
static __attribute__((naked, noinline)) void add_rows(const float *input, int count,
                                                      const uint8_t *rows, int outputs,
                                                      float *sums, const float *codebook)
{
    (void)input, (void)count, (void)rows, (void)outputs; /* r0 to r3 */
    (void)sums, (void)codebook;                          /* stack */
    __asm__("push {r4-r11, lr}\n"
            "vpush {s16-s31}\n"
            "mla r2, r1, r3, r2\n"
            "sub r2, r2, r3\n"
            "10:" FIND_FOUR_ROWS
            "ldrd r10, r12, [sp, #100]\n"
            "add r11, r10, r3, lsl #2\n"
            "20: vldm r10, {s0-s15}\n"
            "mov pc, lr\n"
            "21:" SIXTEEN_PRODUCTS("r4", "s24")
            "22:" SIXTEEN_PRODUCTS("r5", "s25")
            "23:" SIXTEEN_PRODUCTS("r6", "s26")
            "24:" SIXTEEN_PRODUCTS("r7", "s27")
            "vstmia r10!, {s0-s15}\n"
            "cmp r10, r11\n"
            "bne 20b\n"
            "cmp r1, #0\n"
            "bgt 10b\n"
            "25: vpop {s16-s31}\n"
            "pop {r4-r11, pc}\n");
}

#else

static void add_rows(const float *input, int count, const uint8_t *rows, int outputs, float *sums,
                     const float *codebook)
{
    for (int i = 0; i < count; i++) {
        if (input[i] != 0.0F) {
            for (int j = 0; j < outputs; j++) {
                sums[j] += input[i] * codebook[rows[i * outputs + j]];
            }
        }
    }
}

#endif

void autotinyml_dense_shared8_sparse(const struct autotinyml_dense_shared *layer, int first,
                                     int end, const float *input, float *output)
{
    const int outputs = layer->outputs;
    for (int i = 0; i < outputs && first == 0; i++) {
        output[i] = layer->bias[i];
    }
    add_rows(input, end - first, layer->indices + first * outputs, outputs, output,
             layer->codebook);
    if (end == layer->inputs) {
        layer->activation(output, outputs);
    }
}
