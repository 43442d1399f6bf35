/* dense_pairs4.c for outputs by the sixteen, and inputs many of which are zero. */
#include "autotinyml.h"
#include "dense_rows.h"

struct pair {
    float first, second;
};

/* Adds to `sums` the products of `count` inputs with their rows of weights. */
#if defined(__arm__) && defined(__ARM_FP) && defined(__ARM_FEATURE_SIMD32)

/* From the indices of four pairs in one register. The halves of a register hold an index each, and become
 * addresses. */
#define EIGHT_PRODUCTS(indices, value, s0, s1, s2, s3, s4, s5, s6, s7)                             \
    "uxtb16 r0, " indices "\n uxtb16 r1, " indices ", ror #8\n"                                    \
    "smlabb r2, r0, r3, r12\n smlabb r8, r1, r3, r12\n"                                            \
    "smlatb r0, r0, r3, r12\n smlatb r1, r1, r3, r12\n"                                            \
    "vldm r2, {s16-s17}\n vldm r8, {s18-s19}\n vldm r0, {s20-s21}\n vldm r1, {s22-s23}\n"          \
    "vfma.f32 " s0 ", " value ", s16\n vfma.f32 " s1 ", " value ", s17\n"                          \
    "vfma.f32 " s2 ", " value ", s18\n vfma.f32 " s3 ", " value ", s19\n"                          \
    "vfma.f32 " s4 ", " value ", s20\n vfma.f32 " s5 ", " value ", s21\n"                          \
    "vfma.f32 " s6 ", " value ", s22\n vfma.f32 " s7 ", " value ", s23\n"
#define SIXTEEN_PRODUCTS(row, value)                                                               \
    "ldmia " row "!, {r8, r9}\n"                                                                   \
    EIGHT_PRODUCTS("r8", value, "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")                    \
    EIGHT_PRODUCTS("r9", value, "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15")

/* As the C below, but up to four rows at a time, sixteen sums of each. */
static __attribute__((naked, noinline)) void add_rows(const float *input, int count,
                                                      const uint8_t *rows, int outputs,
                                                      float *sums, const struct pair *pairs)
{
    (void)input, (void)count, (void)rows, (void)outputs; /* r0 to r3 */
    (void)sums, (void)pairs;                             /* stack */
    __asm__("push {r4-r11, lr}\n"
            "vpush {s16-s27}\n"
            "lsr r3, r3, #1\n"
            "mla r2, r1, r3, r2\n"
            "sub r2, r2, r3\n"
            "10:" FIND_FOUR_ROWS
            "ldrd r10, r12, [sp, #84]\n"
            "add r11, r10, r3, lsl #3\n"
            "push {r0-r3}\n"
            "mov r3, #8\n" /* bytes of a pair */
            "20: vldm r10, {s0-s15}\n"
            "mov pc, lr\n"
            "21:" SIXTEEN_PRODUCTS("r4", "s24")
            "22:" SIXTEEN_PRODUCTS("r5", "s25")
            "23:" SIXTEEN_PRODUCTS("r6", "s26")
            "24:" SIXTEEN_PRODUCTS("r7", "s27")
            "vstmia r10!, {s0-s15}\n"
            "cmp r10, r11\n"
            "bne 20b\n"
            "pop {r0-r3}\n"
            "cmp r1, #0\n"
            "bgt 10b\n"
            "25: vpop {s16-s27}\n"
            "pop {r4-r11, pc}\n");
}

#else

static void add_rows(const float *input, int count, const uint8_t *rows, int outputs, float *sums,
                     const struct pair *pairs)
{
    for (int i = 0; i < count; i++) {
        if (input[i] != 0.0F) {
            for (int j = 0; j < outputs; j += 2) {
                const struct pair weights = pairs[rows[(i * outputs + j) / 2]];
                sums[j] += input[i] * weights.first;
                sums[j + 1] += input[i] * weights.second;
            }
        }
    }
}

#endif

void autotinyml_dense_pairs4_sparse(const struct autotinyml_dense_shared *layer, int first, int end,
                                    const float *input, float *output)
{
    const int outputs = layer->outputs;
    for (int i = 0; i < outputs && first == 0; i++) {
        output[i] = layer->bias[i];
    }
    add_rows(input, end - first, layer->indices + first * (outputs / 2), outputs, output,
             (const struct pair *)(const void *)layer->codebook);
    if (end == layer->inputs) {
        layer->activation(output, outputs);
    }
}
