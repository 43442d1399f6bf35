/* Fully connected layer whose weights are 4-bit indices into a codebook of 16; see dense.c. */
#include "autotinyml.h"

static inline const uint8_t *sum_group(const struct autotinyml_dense_shared *layer,
                                       const float *input, const uint8_t *indices, int first,
                                       int width, float *output)
{
    const float *codebook = layer->codebook;
    float sums[AUTOTINYML_DENSE_GROUP];
    for (int j = 0; j < width; j++) {
        sums[j] = layer->bias[first + j];
    }
    for (const float *end = input + layer->inputs; input != end;) {
        const float value = *input++;
        for (int j = 0; j < width; j += 2) {
            const uint8_t both = indices[j / 2];
            sums[j] += value * codebook[both & 15];
            sums[j + 1] += value * codebook[both >> 4];
        }
        indices += width / 2;
    }
    for (int j = 0; j < width; j++) {
        output[first + j] = sums[j];
    }
    return indices;
}

void autotinyml_dense_shared4(const struct autotinyml_dense_shared *layer, const float *input,
                              float *output)
{
    const uint8_t *indices = layer->indices;
    int first = 0;
    for (; first + AUTOTINYML_DENSE_GROUP <= layer->outputs; first += AUTOTINYML_DENSE_GROUP) {
        indices = sum_group(layer, input, indices, first, AUTOTINYML_DENSE_GROUP, output);
    }
    for (; first + AUTOTINYML_DENSE_HALF <= layer->outputs; first += AUTOTINYML_DENSE_HALF) {
        indices = sum_group(layer, input, indices, first, AUTOTINYML_DENSE_HALF, output);
    }
    for (; first < layer->outputs; first++) {
        float sum = layer->bias[first];
        for (int i = 0; i < layer->inputs; i++) {
            const uint8_t both = indices[i / 2];
            sum += input[i] * layer->codebook[i % 2 == 0 ? both & 15 : both >> 4];
        }
        indices += (layer->inputs + 1) / 2;
        output[first] = sum;
    }
    layer->activation(output, layer->outputs);
}
