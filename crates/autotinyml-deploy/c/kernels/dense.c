/* Fully connected layer. The sums of eight outputs are held in registers, so that each input loaded
 * serves them all. */
#include "autotinyml.h"

enum { GROUP = 8 };

/* Adds to `sums` the products of `count` inputs with the weights of eight outputs. */
#if defined(__arm__) && defined(__ARM_FP)

#define PRODUCTS(value, w0, w1, w2, w3, w4, w5, w6, w7)                                            \
    "vfma.f32 s0, " value ", " w0 "\n vfma.f32 s1, " value ", " w1 "\n"                            \
    "vfma.f32 s2, " value ", " w2 "\n vfma.f32 s3, " value ", " w3 "\n"                            \
    "vfma.f32 s4, " value ", " w4 "\n vfma.f32 s5, " value ", " w5 "\n"                            \
    "vfma.f32 s6, " value ", " w6 "\n vfma.f32 s7, " value ", " w7 "\n"
#define EIGHT_WEIGHTS "vldmia r1!, {s16-s23}\n"
#define EIGHT_PRODUCTS(value)                                                                      \
    PRODUCTS(value, "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23")

/* As the C below, four inputs at a time. */
static __attribute__((naked, noinline)) void add_eight(const float *input, const float *weights,
                                                       int count, float *sums)
{
    (void)input, (void)weights, (void)count, (void)sums; /* r0 to r3 */
    __asm__("vpush {s16-s23}\n"
            "vldmia r3, {s0-s7}\n"
            "lsrs r12, r2, #2\n"
            "beq 2f\n"
            "1: vldmia r0!, {s8-s11}\n"
            "subs r12, r12, #1\n"
            EIGHT_WEIGHTS EIGHT_PRODUCTS("s8") EIGHT_WEIGHTS EIGHT_PRODUCTS("s9")
            EIGHT_WEIGHTS EIGHT_PRODUCTS("s10") EIGHT_WEIGHTS EIGHT_PRODUCTS("s11")
            "bne 1b\n"
            "2: ands r2, r2, #3\n"
            "beq 4f\n"
            "3: vldmia r0!, {s8}\n"
            "subs r2, r2, #1\n"
            EIGHT_WEIGHTS EIGHT_PRODUCTS("s8")
            "bne 3b\n"
            "4: vstmia r3, {s0-s7}\n"
            "vpop {s16-s23}\n"
            "bx lr\n");
}

#else

static void add_eight(const float *input, const float *weights, int count, float *sums)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < GROUP; j++) {
            sums[j] += input[i] * *weights++;
        }
    }
}

#endif

void autotinyml_dense(const struct autotinyml_dense *layer, int first, int end,
                      const float *input, float *output)
{
    const int inputs = layer->inputs;
    const int outputs = layer->outputs;
    const int count = end - first;
    if (first == 0) {
        for (int i = 0; i < outputs; i++) {
            output[i] = layer->bias[i];
        }
    }
    const float *weights = layer->weights;
    int done = 0;
    for (; done + GROUP <= outputs; done += GROUP) {
        add_eight(input, weights + first * GROUP, count, output + done);
        weights += inputs * GROUP;
    }
    for (; done < outputs; done++) {
        float sum = output[done];
        for (int i = 0; i < count; i++) {
            sum += input[i] * weights[first + i];
        }
        output[done] = sum;
        weights += inputs;
    }
    if (end == inputs) {
        layer->activation(output, outputs);
    }
}
