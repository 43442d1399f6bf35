/* Two floats that most Cortex-M load by one instruction, where two loads would be two. */
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

#endif
