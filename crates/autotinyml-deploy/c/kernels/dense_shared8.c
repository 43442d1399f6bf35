/* Fully connected layer whose weights are 8-bit indices into a codebook of 256; see dense.c. */
#include "autotinyml.h"
#include "load.h"

static inline void add_to_group(const float *sums, const float *input, int count,
                                const uint8_t *index, const float *codebook, int width,
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
        for (int j = 0; j < width; j += 2) {
            const union pair weight = look_up_pair(codebook, index[j], index[j + 1]);
            group[j] += value * weight.each[0];
            group[j + 1] += value * weight.each[1];
        }
        index += width;
    }
#pragma GCC unroll 16
    for (int j = 0; j < width; j++) {
        output[j] = group[j];
    }
}

void autotinyml_dense_shared8(const struct autotinyml_dense_shared *layer, int first, int end,
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
        add_to_group(sums + done, input, count, indices + first * AUTOTINYML_DENSE_GROUP, codebook,
                     AUTOTINYML_DENSE_GROUP, output + done);
        indices += inputs * AUTOTINYML_DENSE_GROUP;
    }
    for (; done + AUTOTINYML_DENSE_HALF <= outputs; done += AUTOTINYML_DENSE_HALF) {
        add_to_group(sums + done, input, count, indices + first * AUTOTINYML_DENSE_HALF, codebook,
                     AUTOTINYML_DENSE_HALF, output + done);
        indices += inputs * AUTOTINYML_DENSE_HALF;
    }
    for (; done < outputs; done++) {
        float sum = sums[done];
        for (int i = 0; i < count; i++) {
            sum += input[i] * codebook[indices[first + i]];
        }
        output[done] = sum;
        indices += inputs;
    }
    if (end == inputs) {
        layer->activation(output, outputs);
    }
}
