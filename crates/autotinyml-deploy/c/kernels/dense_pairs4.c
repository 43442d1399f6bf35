/* Fully connected layer whose weights are 4-bit indices, two of which at once are an index into a table of
 * 256 pairs: for layers next to which the table is small; see dense.c. */
#include "autotinyml.h"

struct pair {
    float first, second;
};

/* Adds to `sums` the products of `count` inputs with the weights of sixteen outputs. */
#if defined(__arm__) && defined(__ARM_FP) && defined(__ARM_FEATURE_SIMD32)

/* Two addresses from the halves of a register, which hold an index each. */
#define ADDRESSES(low, high, indices)                                                              \
    "smlabb " low ", " indices ", lr, r12\n smlatb " high ", " indices ", lr, r12\n"
/* Products of a value with eight weights, from the indices of four pairs in one register. */
#define EIGHT_PRODUCTS(value, indices, s0, s1, s2, s3, s4, s5, s6, s7)                             \
    "uxtb16 r6, " indices "\n uxtb16 r7, " indices ", ror #8\n"                                    \
    ADDRESSES("r8", "r10", "r6") ADDRESSES("r9", "r11", "r7")                                      \
    "vldm r8, {s16-s17}\n vldm r9, {s18-s19}\n vldm r10, {s20-s21}\n vldm r11, {s22-s23}\n"         \
    "vfma.f32 " s0 ", " value ", s16\n vfma.f32 " s1 ", " value ", s17\n"                          \
    "vfma.f32 " s2 ", " value ", s18\n vfma.f32 " s3 ", " value ", s19\n"                          \
    "vfma.f32 " s4 ", " value ", s20\n vfma.f32 " s5 ", " value ", s21\n"                          \
    "vfma.f32 " s6 ", " value ", s22\n vfma.f32 " s7 ", " value ", s23\n"
#define SIXTEEN_PRODUCTS(value)                                                                    \
    "ldmia r1!, {r4-r5}\n"                                                                         \
    EIGHT_PRODUCTS(value, "r4", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")                    \
    EIGHT_PRODUCTS(value, "r5", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")

/* As the C below, four inputs at a time. */
static __attribute__((naked, noinline)) void add_sixteen(const float *input, const uint8_t *indices,
                                                         int count, float *sums,
                                                         const struct pair *pairs)
{
    (void)input, (void)indices, (void)count, (void)sums, (void)pairs; /* r0 to r3, stack */
    __asm__("ldr r12, [sp]\n"
            "push {r4-r11, lr}\n"
            "vpush {s16-s27}\n"
            "mov lr, #8\n" /* bytes of a pair */
            "vldm r3, {s0-s15}\n"
            "b 2f\n"
            "1: vldmia r0!, {s24-s27}\n"
            SIXTEEN_PRODUCTS("s24") SIXTEEN_PRODUCTS("s25")
            SIXTEEN_PRODUCTS("s26") SIXTEEN_PRODUCTS("s27")
            "2: subs r2, r2, #4\n"
            "bge 1b\n"
            "adds r2, r2, #4\n"
            "beq 4f\n"
            "3: vldmia r0!, {s24}\n"
            SIXTEEN_PRODUCTS("s24")
            "subs r2, r2, #1\n"
            "bne 3b\n"
            "4: vstm r3, {s0-s15}\n"
            "vpop {s16-s27}\n"
            "pop {r4-r11, pc}\n");
}

#else

static void add_sixteen(const float *input, const uint8_t *indices, int count, float *sums,
                        const struct pair *pairs)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < AUTOTINYML_DENSE_GROUP; j += 2) {
            const struct pair weights = pairs[*indices++];
            sums[j] += input[i] * weights.first;
            sums[j + 1] += input[i] * weights.second;
        }
    }
}

#endif

/* The same for the eight outputs that are left, if so many are. */
static void add_eight(const float *input, const uint8_t *indices, int count, float *sums,
                      const struct pair *pairs)
{
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < AUTOTINYML_DENSE_HALF; j += 2) {
            const struct pair weights = pairs[*indices++];
            sums[j] += input[i] * weights.first;
            sums[j + 1] += input[i] * weights.second;
        }
    }
}

void autotinyml_dense_pairs4(const struct autotinyml_dense_shared *layer, int first, int end,
                             const float *input, float *output)
{
    const int inputs = layer->inputs;
    const int outputs = layer->outputs;
    const int count = end - first;
    const struct pair *pairs = (const struct pair *)(const void *)layer->codebook;
    const uint8_t *indices = layer->indices;
    if (first == 0) {
        for (int i = 0; i < outputs; i++) {
            output[i] = layer->bias[i];
        }
    }
    int done = 0;
    for (; done + AUTOTINYML_DENSE_GROUP <= outputs; done += AUTOTINYML_DENSE_GROUP) {
        add_sixteen(input, indices + first * (AUTOTINYML_DENSE_GROUP / 2), count, output + done,
                    pairs);
        indices += inputs * (AUTOTINYML_DENSE_GROUP / 2);
    }
    for (; done + AUTOTINYML_DENSE_HALF <= outputs; done += AUTOTINYML_DENSE_HALF) {
        add_eight(input, indices + first * (AUTOTINYML_DENSE_HALF / 2), count, output + done, pairs);
        indices += inputs * (AUTOTINYML_DENSE_HALF / 2);
    }
    for (; done < outputs; done++) {
        float sum = output[done];
        for (int i = first; i < end; i++) {
            const struct pair weights = pairs[indices[i / 2]];
            sum += input[i - first] * (i % 2 == 0 ? weights.first : weights.second);
        }
        output[done] = sum;
        indices += (inputs + 1) / 2;
    }
    if (end == inputs) {
        layer->activation(output, outputs);
    }
}
