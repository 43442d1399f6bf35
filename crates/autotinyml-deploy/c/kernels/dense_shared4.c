/* Fully connected layer whose weights are 4-bit indices into a codebook of 16. */
#include "autotinyml.h"

enum { GROUP = 8 };

void autotinyml_dense_shared4(const struct autotinyml_dense_shared *layer, const float *input,
                              float *output)
{
    const float *codebook = layer->codebook;
    const uint8_t *pair = layer->indices;
    int first = 0;
    for (; first + GROUP <= layer->outputs; first += GROUP) {
        float sums[GROUP];
        for (int j = 0; j < GROUP; j++) {
            sums[j] = layer->bias[first + j];
        }
        for (int i = 0; i < layer->inputs; i++) {
            const float value = input[i];
            for (int j = 0; j < GROUP; j += 2) {
                sums[j] += value * codebook[*pair & 15];
                sums[j + 1] += value * codebook[*pair >> 4];
                pair++;
            }
        }
        for (int j = 0; j < GROUP; j++) {
            output[first + j] = sums[j];
        }
    }
    for (; first < layer->outputs; first++) {
        float sum = layer->bias[first];
        for (int i = 0; i < layer->inputs; i++) {
            sum += input[i] * codebook[i % 2 == 0 ? pair[i / 2] & 15 : pair[i / 2] >> 4];
        }
        pair += (layer->inputs + 1) / 2;
        output[first] = sum;
    }
    layer->activation(output, layer->outputs);
}
