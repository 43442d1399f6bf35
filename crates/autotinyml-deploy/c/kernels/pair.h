/* Floats that most Cortex-M load several at a time, where single loads would take longer. */
#ifndef AUTOTINYML_PAIR_H
#define AUTOTINYML_PAIR_H

union pair {
    double both;
    float each[2];
};

/* `values` is aligned to eight bytes. */
static inline union pair load_pair(const float *values)
{
    typedef double __attribute__((may_alias)) loadable;
    const union pair pair = {*(const loadable *)values};
    return pair;
}

/* Two entries of a codebook. */
static inline union pair look_up_pair(const float *codebook, unsigned first, unsigned second)
{
#ifdef __ARM_FP
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

/* Loads eight weights, aligned to eight bytes, and returns the address behind them. */
static inline const float *load_eight(const float *weights, float *each)
{
#ifdef __ARM_FP
    /* One instruction for all. That memory is read is kept from the compiler, for weights are never
     * written. */
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
    for (int j = 0; j < 8; j += 2) {
        const union pair pair = load_pair(weights + j);
        each[j] = pair.each[0];
        each[j + 1] = pair.each[1];
    }
    weights += 8;
#endif
    return weights;
}

#endif
