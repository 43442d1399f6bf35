/* dense.c for many outputs, by the sixteen, and inputs many of which are zero. */
#include "autotinyml.h"
#include "dense_rows.h"

/* Adds to `sums` the products of `count` inputs with their rows of weights. */
#if defined(__arm__) && defined(__ARM_FP)

#define EIGHT_PRODUCTS(row, value, s0, s1, s2, s3, s4, s5, s6, s7)                                 \
    "vldmia " row "!, {s16-s23}\n"                                                                 \
    "vfma.f32 " s0 ", " value ", s16\n vfma.f32 " s1 ", " value ", s17\n"                          \
    "vfma.f32 " s2 ", " value ", s18\n vfma.f32 " s3 ", " value ", s19\n"                          \
    "vfma.f32 " s4 ", " value ", s20\n vfma.f32 " s5 ", " value ", s21\n"                          \
    "vfma.f32 " s6 ", " value ", s22\n vfma.f32 " s7 ", " value ", s23\n"
#define SIXTEEN_PRODUCTS(row, value)                                                               \
    EIGHT_PRODUCTS(row, value, "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")                     \
    EIGHT_PRODUCTS(row, value, "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")

/* As the C below, but up to four rows at a time, sixteen sums of each. */
static __attribute__((naked, noinline)) void add_rows(const float *input, int count,
                                                      const float *rows, int outputs, float *sums)
{
    (void)input, (void)count, (void)rows, (void)outputs, (void)sums; /* r0 to r3, stack */
    __asm__("push {r4-r7, r10, r11, lr}\n"
            "vpush {s16-s27}\n"
            "lsl r3, r3, #2\n"
            "mla r2, r1, r3, r2\n"
            "sub r2, r2, r3\n"
            "10:" FIND_FOUR_ROWS
            "ldr r10, [sp, #76]\n"
            "add r11, r10, r3\n"
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
            "25: vpop {s16-s27}\n"
            "pop {r4-r7, r10, r11, pc}\n");
}

#else

static void add_rows(const float *input, int count, const float *rows, int outputs, float *sums)
{
    for (int i = 0; i < count; i++) {
        if (input[i] != 0.0F) {
            for (int j = 0; j < outputs; j++) {
                sums[j] += input[i] * rows[i * outputs + j];
            }
        }
    }
}

#endif

void autotinyml_dense_sparse(const struct autotinyml_dense *layer, int first, int end,
                             const float *input, float *output)
{
    const int outputs = layer->outputs;
    for (int i = 0; i < outputs && first == 0; i++) {
        output[i] = layer->bias[i];
    }
    add_rows(input, end - first, layer->weights + first * outputs, outputs, output);
    if (end == layer->inputs) {
        layer->activation(output, outputs);
    }
}
