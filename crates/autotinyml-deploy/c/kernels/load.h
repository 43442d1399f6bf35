/* Floats that most Cortex-M load several at a time, where single loads would take longer. The plain C
 * beside the assembly says what that does. Weights are never written: so the compiler need not know
 * that it reads memory. */
#ifndef AUTOTINYML_LOAD_H
#define AUTOTINYML_LOAD_H

union pair {
    double both;
    float each[2];
};

/* Two entries of a codebook. */
static inline union pair look_up_pair(const float *codebook, unsigned first, unsigned second)
{
#if defined(__arm__) && defined(__ARM_FP)
    /* To a float register, an index needs an addition more. */
    typedef unsigned __attribute__((may_alias)) loadable;
    const loadable *bits = (const loadable *)codebook;
    union pair pair;
    __asm__("vmov %P0, %1, %2" : "=w"(pair.both) : "r"(bits[first]), "r"(bits[second]));
#else
    const union pair pair = {.each = {codebook[first], codebook[second]}};
#endif
    return pair;
}

/* Loads eight weights and returns the address behind them. */
static inline const float *load_eight(const float *weights, float *each)
{
#if defined(__arm__) && defined(__ARM_FP)
    register float a __asm__("s16");
    register float b __asm__("s17");
    register float c __asm__("s18");
    register float d __asm__("s19");
    register float e __asm__("s20");
    register float f __asm__("s21");
    register float g __asm__("s22");
    register float h __asm__("s23");
    __asm__("vldmia %0!, {s16-s23}"
            : "+r"(weights), "=t"(a), "=t"(b), "=t"(c), "=t"(d), "=t"(e), "=t"(f), "=t"(g), "=t"(h));
    each[0] = a;
    each[1] = b;
    each[2] = c;
    each[3] = d;
    each[4] = e;
    each[5] = f;
    each[6] = g;
    each[7] = h;
#else
    for (int j = 0; j < 8; j++) {
        each[j] = *weights++;
    }
#endif
    return weights;
}

/* The same for four. */
static inline const float *load_four(const float *weights, float *each)
{
#if defined(__arm__) && defined(__ARM_FP)
    register float a __asm__("s16");
    register float b __asm__("s17");
    register float c __asm__("s18");
    register float d __asm__("s19");
    __asm__("vldmia %0!, {s16-s19}" : "+r"(weights), "=t"(a), "=t"(b), "=t"(c), "=t"(d));
    each[0] = a;
    each[1] = b;
    each[2] = c;
    each[3] = d;
#else
    for (int j = 0; j < 4; j++) {
        each[j] = *weights++;
    }
#endif
    return weights;
}

#endif
