/* Fully connected layer whose weights are 8-bit indices into a codebook of 256; see dense.c. */
#include "autotinyml.h"

static inline const uint8_t *sum_group(const struct autotinyml_dense_shared *layer,
                                       const float *input, const uint8_t *index, int first,
                                       int width, float *output)
{
    const float *codebook = layer->codebook;
    float sums[AUTOTINYML_DENSE_GROUP];
    for (int j = 0; j < width; j++) {
        sums[j] = layer->bias[first + j];
    }
    for (const float *end = input + layer->inputs; input != end;) {
        const float value = *input++;
        for (int j = 0; j < width; j++) {
            sums[j] += value * codebook[index[j]];
        }
        index += width;
    }
    for (int j = 0; j < width; j++) {
        output[first + j] = sums[j];
    }
    return index;
}

void autotinyml_dense_shared8(const struct autotinyml_dense_shared *layer, const float *input,
                              float *output)
{
    const uint8_t *index = layer->indices;
    int first = 0;
    for (; first + AUTOTINYML_DENSE_GROUP <= layer->outputs; first += AUTOTINYML_DENSE_GROUP) {
        index = sum_group(layer, input, index, first, AUTOTINYML_DENSE_GROUP, output);
    }
    for (; first + AUTOTINYML_DENSE_HALF <= layer->outputs; first += AUTOTINYML_DENSE_HALF) {
        index = sum_group(layer, input, index, first, AUTOTINYML_DENSE_HALF, output);
    }
    for (; first < layer->outputs; first++) {
        float sum = layer->bias[first];
        for (int i = 0; i < layer->inputs; i++) {
            sum += input[i] * layer->codebook[*index++];
        }
        output[first] = sum;
    }
    layer->activation(output, layer->outputs);
}
