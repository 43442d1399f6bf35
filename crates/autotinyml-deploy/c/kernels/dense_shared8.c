/* Fully connected layer whose weights are 8-bit indices into a codebook of 256. */
#include "autotinyml.h"

enum { GROUP = 8 };

void autotinyml_dense_shared8(const struct autotinyml_dense_shared *layer, const float *input,
                              float *output)
{
    const float *codebook = layer->codebook;
    const uint8_t *index = layer->indices;
    int first = 0;
    for (; first + GROUP <= layer->outputs; first += GROUP) {
        float sums[GROUP];
        for (int j = 0; j < GROUP; j++) {
            sums[j] = layer->bias[first + j];
        }
        for (int i = 0; i < layer->inputs; i++) {
            const float value = input[i];
            for (int j = 0; j < GROUP; j++) {
                sums[j] += value * codebook[index[j]];
            }
            index += GROUP;
        }
        for (int j = 0; j < GROUP; j++) {
            output[first + j] = sums[j];
        }
    }
    for (; first < layer->outputs; first++) {
        float sum = layer->bias[first];
        for (int i = 0; i < layer->inputs; i++) {
            sum += input[i] * codebook[*index++];
        }
        output[first] = sum;
    }
    layer->activation(output, layer->outputs);
}
