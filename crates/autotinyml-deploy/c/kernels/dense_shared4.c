/* Fully connected layer whose weights are 4-bit indices into a codebook of 16; see dense.c. */
#include "autotinyml.h"
#include "load.h"

/* Eight indices, of which a group has one or two such words to a row. */
typedef uint32_t __attribute__((may_alias)) loadable;

static inline void add_to_group(const float *sums, const float *input, int count,
                                const uint8_t *indices, const float *codebook, int width,
                                float *output)
{
    float group[AUTOTINYML_DENSE_GROUP];
#pragma GCC unroll 16
    for (int j = 0; j < width; j++) {
        group[j] = sums[j];
    }
    for (const float *end = input + count; input != end;) {
        const float value = *input++;
#pragma GCC unroll 16
        for (int j = 0; j < width; j += 8) {
            const uint32_t eight = *(const loadable *)(indices + j / 2);
#pragma GCC unroll 16
            for (int k = 0; k < 8; k += 2) {
                const uint32_t two = eight >> (4 * k);
                const union pair weight = look_up_pair(codebook, two & 15, (two >> 4) & 15);
                group[j + k] += value * weight.each[0];
                group[j + k + 1] += value * weight.each[1];
            }
        }
        indices += width / 2;
    }
#pragma GCC unroll 16
    for (int j = 0; j < width; j++) {
        output[j] = group[j];
    }
}

void autotinyml_dense_shared4(const struct autotinyml_dense_shared *layer, int first, int end,
                              const float *input, float *output)
{
    const int inputs = layer->inputs;
    const int outputs = layer->outputs;
    const int count = end - first;
    const float *codebook = layer->codebook;
    const float *sums = first == 0 ? layer->bias : output;
    const uint8_t *indices = layer->indices;
    int done = 0;
    for (; done + AUTOTINYML_DENSE_GROUP <= outputs; done += AUTOTINYML_DENSE_GROUP) {
        add_to_group(sums + done, input, count, indices + first * (AUTOTINYML_DENSE_GROUP / 2),
                     codebook, AUTOTINYML_DENSE_GROUP, output + done);
        indices += inputs * (AUTOTINYML_DENSE_GROUP / 2);
    }
    for (; done + AUTOTINYML_DENSE_HALF <= outputs; done += AUTOTINYML_DENSE_HALF) {
        add_to_group(sums + done, input, count, indices + first * (AUTOTINYML_DENSE_HALF / 2),
                     codebook, AUTOTINYML_DENSE_HALF, output + done);
        indices += inputs * (AUTOTINYML_DENSE_HALF / 2);
    }
    for (; done < outputs; done++) {
        float sum = sums[done];
        for (int i = first; i < end; i++) {
            const uint8_t both = indices[i / 2];
            sum += input[i - first] * codebook[i % 2 == 0 ? both & 15 : both >> 4];
        }
        output[done] = sum;
        indices += (inputs + 1) / 2;
    }
    if (end == inputs) {
        layer->activation(output, outputs);
    }
}
